// A caller's picture as planes on the CPU, output pixel by output pixel and in double: no memory is
// needed between the axes, and a very long row keeps its digits.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/threads.h"
#include "kernels/triangle_taps.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

// A value as it stands in memory, aligned or not.
template <class Value>
OFER_INLINE double value_at(const std::uint8_t* place) {
  Value value;
  __builtin_memcpy(&value, place, sizeof(value));
  return static_cast<double>(value);
}

// NaN fails the comparison.
OFER_INLINE double in_unit(double value) {
  return value > 0 ? (value < 1 ? value : 1) : 0;
}

// Row p of all three planes.
template <class Value, class T>
void planes_row(const ImagePlanesArgs<T>& args, double full, Index p) {
  const TriangleTaps down(args.height, args.out_height, p);
  const double all_down = full * static_cast<double>(down.total());
  T* y = args.y + p * args.out_width;
  const Index plane = args.out_height * args.out_width;
  for (Index q = 0; q < args.out_width; ++q) {
    const TriangleTaps across(args.width, args.out_width, q);
    double red = 0, green = 0, blue = 0;
    for (int j = 0; j < down.count; ++j) {
      Index at = (down.first + j) * args.row_step + across.first * args.pixel_step;
      double r = 0, g = 0, b = 0;
      for (int i = 0; i < across.count; ++i, at += args.pixel_step) {
        const double weight = across.weight(i);
        r += weight * value_at<Value>(args.red + at);
        g += weight * value_at<Value>(args.green + at);
        b += weight * value_at<Value>(args.blue + at);
      }
      const double weight = down.weight(j);
      red += weight * r;
      green += weight * g;
      blue += weight * b;
    }
    const double all = all_down * static_cast<double>(across.total());
    y[q] = static_cast<T>(in_unit(red / all));
    y[plane + q] = static_cast<T>(in_unit(green / all));
    y[2 * plane + q] = static_cast<T>(in_unit(blue / all));
  }
}

}  // namespace

template <class T>
void image_planes(const ImagePlanesArgs<T>& args, Stream& stream) {
  cpu_stream(stream).parallel_for(args.out_height, 1, [&](Index begin, Index end, int) {
    for (Index p = begin; p < end; ++p) {
      if (args.type == PixelType::kU8)
        planes_row<std::uint8_t>(args, 255, p);
      else
        planes_row<float>(args, 1, p);
    }
  });
}

OFER_INSTANTIATE(image_planes, ImagePlanesArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
