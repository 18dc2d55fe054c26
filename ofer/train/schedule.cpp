#include "ofer/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ofer {

double Schedule::rate(std::int64_t step) const {
  // How far from `from` to `total`, 0 to 1.
  const auto progress = [&](std::int64_t from) {
    const double length = static_cast<double>(std::max<std::int64_t>(1, total - from));
    return std::clamp(static_cast<double>(step - from) / length, 0.0, 1.0);
  };
  double share = 1;
  switch (shape) {
    case Shape::kConstant:
      break;
    case Shape::kCosine:
      share = (1 + std::cos(std::numbers::pi * progress(warm_up))) / 2;
      break;
    case Shape::kSteps:
      if (period > 0) share = std::pow(factor, static_cast<double>(step / period));
      break;
    case Shape::kLinear:
      share = 1 - progress(hold);
      break;
  }
  share = std::max(share, floor);
  if (step < warm_up) share *= static_cast<double>(step + 1) / static_cast<double>(warm_up);
  return base * share;
}

}  // namespace ofer
