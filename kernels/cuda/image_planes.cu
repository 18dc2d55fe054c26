// A caller's picture as planes, on a GPU, in one launch: the picture is read where it is, and no
// list of weights comes from the host.
#include "kernels/cuda/divisor.cuh"
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/pointwise.cuh"
#include "kernels/triangle_taps.h"

namespace ofer::kernels::OFER_GPU {

namespace {

// Neighbours that are summed in float, before the sum goes on in double: a very long row has
// weights far below a float's precision, and a double for each would be slow.
constexpr int kTogether = 32;

// Thread: output pixel (p, q) of all three planes; neighbouring threads along q.
//   y[c, p, q] = sum over j of down(j) sum over i of across(i) pixel(c, j, i) / all
// with all = the sum of the weights down times that across, times `full`. Steps in elements.
template <class Value, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    image_planes_kernel(Global<const Value> red, Global<const Value> green,
                        Global<const Value> blue, Global<T> y, Index pixel_step, Index row_step,
                        Index height, Index width, Index out_height, Index items, Divisor out_width,
                        double full) {
  for (Index item = pointwise_thread(); item < items; item += pointwise_stride()) {
    const Index p = out_width.quotient(item), q = item - p * out_width.value;
    const TriangleTaps down(height, out_height, p), across(width, out_width.value, q);
    double sum[3] = {};
    for (int j = 0; j < down.count; ++j) {
      const double weight = down.weight(j);
      Index at = (down.first + j) * row_step + across.first * pixel_step;
      for (int chunk = 0; chunk < across.count; chunk += kTogether) {
        const int end = min(chunk + kTogether, across.count);
        float part[3] = {};
        for (int i = chunk; i < end; ++i, at += pixel_step) {
          const float w = static_cast<float>(across.weight(i));
          part[0] += w * static_cast<float>(red[at]);
          part[1] += w * static_cast<float>(green[at]);
          part[2] += w * static_cast<float>(blue[at]);
        }
        for (int c = 0; c < 3; ++c) sum[c] += weight * static_cast<double>(part[c]);
      }
    }
    const double all =
        full * static_cast<double>(down.total()) * static_cast<double>(across.total());
    for (int c = 0; c < 3; ++c) {
      const float value = static_cast<float>(sum[c] / all);
      // NaN fails the comparison.
      y[c * items + item] = T(value > 0.0f ? min(value, 1.0f) : 0.0f);
    }
  }
}

template <class Value, class T>
void image_planes_of(const ImagePlanesArgs<T>& args, double full, Stream& stream) {
  const auto base = [](const std::uint8_t* channel) {
    return reinterpret_cast<const Value*>(channel);
  };
  constexpr Index kSize = sizeof(Value);
  const Index items = args.out_height * args.out_width;
  launch("image_planes", image_planes_kernel<Value, T>, pointwise_shape(items), stream,
         base(args.red), base(args.green), base(args.blue), args.y, args.pixel_step / kSize,
         args.row_step / kSize, args.height, args.width, args.out_height, items,
         Divisor(args.out_width), full);
}

}  // namespace

template <class T>
void image_planes(const ImagePlanesArgs<T>& args, Stream& stream) {
  if (args.type == PixelType::kU8)
    image_planes_of<std::uint8_t>(args, 255, stream);
  else
    image_planes_of<float>(args, 1, stream);
}

OFER_INSTANTIATE_GPU(image_planes, ImagePlanesArgs)
OFER_INSTANTIATE_GPU_BF16(image_planes, ImagePlanesArgs)

}  // namespace ofer::kernels::OFER_GPU
