// The twin's numbers, and the comparison of gradients with them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/tensor.h"
#include "weights/safetensors.h"

namespace ofer::test {

using Values = std::vector<double>;

// Of a tensor on the host, f32 or f64; of a tensor in a file, which must be there.
Values values_of(const Tensor& t);
Values values_of(const SafetensorsFile& file, const std::string& name);

double norm(const Values& x);
Values difference(const Values& a, const Values& b);

// Beside the largest, a gradient of this size is zero but for roundings: the loss does not see a
// key's bias, nor a bias in front of a norm. What is left of it is compared with the largest.
inline constexpr double kNegligible = 1e-9;

using NamedValues = std::map<std::string, Values>;
// What the file holds under `prefix`, by the rest of the name.
NamedValues gradients_of(const SafetensorsFile& file, const std::string& prefix);
double largest_norm(const NamedValues& gradients);

// Adds a line for each tensor whose gradient is off by more than `allowed`, relative L2, or that
// only one of the two has.
void compare_gradients(const NamedValues& expected, const NamedValues& got, double allowed,
                       std::vector<std::string>& lines);

}  // namespace ofer::test
