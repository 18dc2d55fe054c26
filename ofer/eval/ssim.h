// Structural similarity (Wang, Bovik, Sheikh, Simoncelli 2004, "Image quality assessment: from
// error visibility to structural similarity", with the constants published there).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ofer/result.h"

namespace ofer {

inline constexpr int kSsimWindow = 11;

// One value for each window that lies wholly inside the picture; value (y, x) is that of the window
// whose centre is pixel (y + 5, x + 5).
struct SsimMap {
  int height = 0, width = 0;  // the picture's, less 10
  std::vector<double> values;

  double mean() const;
  // Mean over the windows whose centre lies where mask [height + 10, width + 10] is not 0. None
  // when there is no such window: what lies within 5 pixels of the border is no window's centre.
  // Throws kBadArgument for a mask of another size.
  std::optional<double> mean_inside(std::span<const std::uint8_t> mask) const;
};

// Of two pictures with values in [0, 1], with windows of 11 x 11 pixels, weights w a Gaussian of
// sigma 1.5 that add up to 1, C1 = 0.01^2, C2 = 0.03^2:
//   mu_a = sum w a;  var_a = sum w a^2 - mu_a^2;  cov = sum w a b - mu_a mu_b
//   SSIM = (2 mu_a mu_b + C1) (2 cov + C2) / ((mu_a^2 + mu_b^2 + C1) (var_a + var_b + C2))
// for each channel, and the mean over channels. In double. Throws kBadArgument as check_pair does
// (ofer/eval/picture_pair.h), and for pictures smaller than the window.
SsimMap ssim_map(const Planes& a, const Planes& b);

}  // namespace ofer
