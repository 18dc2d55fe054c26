// Peak signal-to-noise ratio.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "ofer/result.h"

namespace ofer {

// Of two pictures with values in [0, 1]:
//   MSE  = (1 / n) sum of (a - b)^2 over pixels and channels (n = pixels x channels)
//   PSNR = 10 log10(1 / MSE) decibels
// 8-bit pictures give the same as with peak 255. Kept as a sum, so that it can be pooled: the mean
// of PSNRs over images and the PSNR of their mean MSE are two figures, and the first is infinite as
// soon as one pair is equal.
struct SquaredError {
  double sum = 0;
  std::int64_t count = 0;

  SquaredError& operator+=(const SquaredError& other) {
    sum += other.sum;
    count += other.count;
    return *this;
  }
  std::optional<double> mean() const;  // none of nothing
  std::optional<double> psnr() const;  // none of nothing; infinite for equal pictures
};

// Over the whole picture. Throws kBadArgument as check_pair does (ofer/eval/picture_pair.h).
SquaredError squared_error(const Planes& a, const Planes& b);

// Over the pixels where mask [height, width] is not 0; of nothing where it is 0 everywhere. Throws
// kBadArgument, too, for a mask of another size.
SquaredError squared_error(const Planes& a, const Planes& b, std::span<const std::uint8_t> mask);

}  // namespace ofer
