#include "tools/verify_comparison.h"

#include <array>
#include <cmath>
#include <limits>

#include "engine/error.h"
#include "tools/tensor_values.h"

namespace ofer {

TapError compare_tap(const Tensor& got, std::span<const std::byte> expected, DType dtype) {
  OFER_ASSERT(expected.size() == static_cast<std::size_t>(got.elements()) * size_of(dtype));
  const auto* const bytes = static_cast<const std::byte*>(got.raw());
  TapError error;
  double squares = 0, size = 0;
  std::array<double, kValuesAtOnce> computed;
  for_values(expected, dtype, [&](std::int64_t first, std::span<const double> wanted) {
    const std::span<double> have(computed.data(), wanted.size());
    read_values(bytes + static_cast<std::size_t>(first) * size_of(got.dtype()), got.dtype(), have);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const double difference = std::abs(have[i] - wanted[i]);
      const bool finite = std::isfinite(have[i]) && std::isfinite(wanted[i]);
      squares += difference * difference;
      size += wanted[i] * wanted[i];
      const bool first_of_all = first == 0 && i == 0;
      if (finite ? first_of_all || (error.not_finite == 0 && difference > error.largest)
                 : error.not_finite == 0) {
        error.largest = finite ? difference : std::numeric_limits<double>::quiet_NaN();
        error.expected = wanted[i];
        error.got = have[i];
        error.place = first + static_cast<std::int64_t>(i);
      }
      error.not_finite += finite ? 0 : 1;
    }
  });
  if (error.not_finite > 0)
    error.relative_l2 = std::numeric_limits<double>::quiet_NaN();
  else if (size > 0)
    error.relative_l2 = std::sqrt(squares / size);
  else if (got.elements() > 0)
    error.relative_l2 = std::sqrt(squares / static_cast<double>(got.elements()));
  return error;
}

}  // namespace ofer
