// What a face counts by its class, where classes are of different size.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace ofer {

// counts: how many of n faces each class has. w_c is proportional to (1 / n_c)^balance: 0 weighs
// all alike, 1 gives every class the same sum. Scaled so that the mean over the faces is 1, sum n_c
// w_c = n. A class without a face has weight 0. Throws kBadArgument for a balance outside 0 to 1
// and where no class has a face.
std::vector<float> class_weights(std::span<const std::size_t> counts, double balance);

}  // namespace ofer
