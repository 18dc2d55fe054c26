#include "ofer/train/class_weights.h"

#include <cmath>

#include "engine/error.h"

namespace ofer {

std::vector<float> class_weights(std::span<const std::size_t> counts, double balance) {
  require(balance >= 0 && balance <= 1, ErrorCode::kBadArgument,
          "classes are balanced by 0 (not at all) to 1 (fully), not by ", balance);
  std::vector<double> weights;
  double faces = 0, sum = 0;
  for (const std::size_t count : counts) {
    const auto n = static_cast<double>(count);
    weights.push_back(count == 0 ? 0 : std::pow(n, -balance));
    faces += n;
    sum += n * weights.back();
  }
  require(faces > 0, ErrorCode::kBadArgument, "no class has a face");
  std::vector<float> scaled;
  for (const double weight : weights) scaled.push_back(static_cast<float>(weight * faces / sum));
  return scaled;
}

}  // namespace ofer
