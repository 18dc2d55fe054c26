// Convolution on the CPU: an implicit matrix product (kernels/cpu/conv_products.h).
#include "kernels/cpu/conv_products.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

template <class T>
void conv2d(const Conv2dArgs<T>& args, Stream& stream) {
  convolve(args.geometry, args.x, args.in_activation, static_cast<T>(args.in_slope), args.weight,
           args.bias, args.y, cpu_stream(stream));
}

template <class T>
void conv2d_backward(const Conv2dBackwardArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const ConvGeometry& g = args.geometry;
  if (args.dx) {
    const T* no_bias = nullptr;
    convolve_adjoint(g, args.dy, args.weight, no_bias, args.dx, cpu);
  }
  if (args.dweight) convolve_weights(g, args.dy, args.x, args.dweight, cpu);
  if (args.dbias)
    bias_gradient(args.dy, g.batch, g.out_channels, g.out_height * g.out_width, args.dbias, cpu);
}

OFER_INSTANTIATE(conv2d, Conv2dArgs)
OFER_INSTANTIATE(conv2d_backward, Conv2dBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
