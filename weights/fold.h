// The algebra of conversion: the recogniser's structure "layers" to "folded", in double precision.
//
//   batch norm behind y = W x + b:  s = w / sqrt(v + eps), W' = s W, b' = s (b - m) + shift
//   parallel convolutions 3x3, 1x3, 3x1 of one input: one 3x3, the narrow ones in its middle row
//   and column, biases added
//   the classifier: logits = A latent + B features + b, multiplied out from its small end, so that
//   a matrix of [10000, 39936] costs classes x 4e8 multiplications and is read once
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/shape.h"
#include "weights/config.h"

namespace ofer {

// Where the folds read tensors of structure "layers", by our names. Several threads read at once.
class FoldInput {
 public:
  virtual ~FoldInput() = default;
  // {} for one that is not there: a convolution in front of a batch norm may have no bias.
  virtual Shape shape(const std::string& name) const = 0;
  // Elements [first, first + out.size()), row-major.
  virtual void read(const std::string& name, std::int64_t first, std::span<double> out) const = 0;
};

// What a fold costs in accuracy: the largest difference between folded and unfolded outputs of
// random inputs, as a share of the largest unfolded output. In double both sides are computed in
// double; in float both with weights rounded to float, in float.
struct FoldError {
  std::string name;
  double in_double = 0;
  double in_float = 0;
};

struct Folded {
  std::map<std::string, std::vector<float>, std::less<>> tensors;  // of structure "folded"
  std::vector<FoldError> errors;                                   // in the order of the network
};

// All of the recogniser's tensors of structure "folded", rounded to float once, at the end. Memory:
// the result, and besides it at most one layer or 32 MiB of a large matrix. Throws kBadFile for a
// batch norm whose variance is not above -eps. Uses `threads` threads; the result does not depend
// on their number.
Folded fold_recogniser(const FoldInput& input, const Config& config, std::int64_t classes,
                       int threads);

}  // namespace ofer
