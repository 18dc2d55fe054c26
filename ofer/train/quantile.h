// Quantiles of what was seen.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace ofer {

// The smallest of the values such that at most `beyond` of them, a share in [0, 1), are larger.
// `values` is not empty; its order is lost.
inline float upper_quantile(std::vector<float>& values, double beyond) {
  const auto count = static_cast<double>(values.size());
  const double place = std::ceil((1 - beyond) * count - 1e-9) - 1;
  const auto index = static_cast<std::ptrdiff_t>(std::clamp(place, 0.0, count - 1));
  std::nth_element(values.begin(), values.begin() + index, values.end());
  return values[static_cast<std::size_t>(index)];
}

}  // namespace ofer
