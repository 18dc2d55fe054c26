#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "tests/oracle/oracle.h"

namespace ofer::oracle {

namespace {

// The triangle's weight of input i at output o, 1 - |i + 0.5 - c| / s as far as it is above 0, with
// c = (o + 0.5) in / out and s = max(in / out, 1); times 2 max(in, out), so that it is a whole
// number.
Index triangle(Index in, Index out, Index o, Index i) {
  const Index weight = 2 * std::max(in, out) - std::abs((2 * i + 1) * out - (2 * o + 1) * in);
  return std::max<Index>(weight, 0);
}

// Clamped to [0, 1]. Where the noise may carry a number over the end it stays.
double in_unit(double v) {
  return std::isnan(v) ? 0 : std::min(std::max(v, 0.0), 1.0);
}
test::Measured in_unit(const test::Measured& v) {
  const double inside = in_unit(v.value), over = v.value - inside;
  if (over == 0) return v;
  return {inside, over * over < 1e-3 * v.noise && std::isfinite(over) ? v.noise : 0, v.longest};
}

}  // namespace

template <class R>
void image_planes(const kernels::ImagePlanesArgs<R>& args) {
  const bool bytes = args.type == kernels::PixelType::kU8;
  const auto pixel = [&](const std::uint8_t* base, Index j, Index i) {
    const std::uint8_t* place = base + j * args.row_step + i * args.pixel_step;
    float value = 0;
    if (bytes)
      value = *place;
    else
      std::memcpy(&value, place, sizeof(value));
    return R(static_cast<double>(value));
  };
  const std::uint8_t* channels[] = {args.red, args.green, args.blue};
  for (Index c = 0; c < 3; ++c)
    for (Index p = 0; p < args.out_height; ++p)
      for (Index q = 0; q < args.out_width; ++q) {
        R sum = 0;
        Index all_down = 0, all_across = 0;
        for (Index i = 0; i < args.width; ++i)
          all_across += triangle(args.width, args.out_width, q, i);
        for (Index j = 0; j < args.height; ++j) {
          const Index down = triangle(args.height, args.out_height, p, j);
          if (down == 0) continue;
          all_down += down;
          R row = 0;
          for (Index i = 0; i < args.width; ++i) {
            const Index across = triangle(args.width, args.out_width, q, i);
            if (across == 0) continue;
            row += R(static_cast<double>(across)) * pixel(channels[c], j, i);
          }
          sum += R(static_cast<double>(down)) * row;
        }
        const double all = static_cast<double>(all_down) * static_cast<double>(all_across);
        args.y[(c * args.out_height + p) * args.out_width + q] =
            in_unit(sum / R(bytes ? 255 * all : all));
      }
}

OFER_ORACLE(image_planes, ImagePlanesArgs)

}  // namespace ofer::oracle
