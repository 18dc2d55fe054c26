// A picture in memory of a caller's, at another size and as planes of numbers in [0, 1].
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

enum class PixelType : std::uint8_t { kU8, kF32 };  // 0..255, or 0..1

// y [3, out_height, out_width] from a picture of height x width pixels. With the triangle weights w
// of an antialiased resize, each axis' own and normalised (kernels/triangle_taps.h),
//   y[c, p, q] = sum over j, i of w(p, j) w(q, i) pixel(c, j, i) / full, clamped to [0, 1],
// full = 255 of 8-bit values, else 1; what is NaN becomes 0. Pixel (j, i) of a channel is at its
// base + j row_step + i pixel_step: bases (of the top left pixel) and steps in bytes, which may be
// negative. Bases may be equal. Of floats on a GPU all of them are multiples of 4, on a CPU
// anything. All sides below 2^28; the picture's are 1 at least.
template <class T>
struct ImagePlanesArgs {
  const std::uint8_t* red;
  const std::uint8_t* green;
  const std::uint8_t* blue;
  Index pixel_step, row_step;
  PixelType type;
  T* y;
  Index height, width, out_height, out_width;
};

}  // namespace ofer::kernels
