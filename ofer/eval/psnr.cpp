#include "ofer/eval/psnr.h"

#include <cmath>
#include <limits>

#include "ofer/eval/picture_pair.h"

namespace ofer {

namespace {

template <class Inside>
SquaredError sum_where(const Planes& a, const Planes& b, Inside&& inside) {
  SquaredError error;
  const std::size_t pixels = static_cast<std::size_t>(a.height) * static_cast<std::size_t>(a.width);
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    if (!inside(i % pixels)) continue;
    const double d = static_cast<double>(a.values[i]) - static_cast<double>(b.values[i]);
    error.sum += d * d;
    ++error.count;
  }
  return error;
}

}  // namespace

std::optional<double> SquaredError::mean() const {
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

std::optional<double> SquaredError::psnr() const {
  const std::optional<double> mse = mean();
  if (!mse) return std::nullopt;
  if (*mse == 0) return std::numeric_limits<double>::infinity();
  return -10 * std::log10(*mse);
}

SquaredError squared_error(const Planes& a, const Planes& b) {
  check_pair(a, b, "PSNR");
  return sum_where(a, b, [](std::size_t) { return true; });
}

SquaredError squared_error(const Planes& a, const Planes& b, std::span<const std::uint8_t> mask) {
  check_pair(a, b, "PSNR");
  check_mask(mask, a.height, a.width, "PSNR");
  return sum_where(a, b, [&](std::size_t pixel) { return mask[pixel] != 0; });
}

}  // namespace ofer
