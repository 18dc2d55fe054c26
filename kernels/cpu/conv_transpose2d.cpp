// Transposed convolution on the CPU: the adjoint of a convolution, computed as such, so that no zero
// is ever multiplied (kernels/cpu/conv_products.h).
#include "kernels/cpu/conv_products.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

template <class T>
void conv_transpose2d(const ConvTranspose2dArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const ConvGeometry g = mirrored(args.geometry);
  const T* x = args.x;
  if (args.in_activation != Activation::kNone) {
    const Index planes = g.batch * g.out_channels, size = g.out_height * g.out_width;
    T* active = cpu.shared_scratch<T>(0, planes * size);
    cpu.parallel_for(planes, 1, [&](Index begin, Index end, int) {
      for (Index i = begin * size; i < end * size; ++i) active[i] = args.x[i];
      activate(active + begin * size, (end - begin) * size, args.in_activation,
               static_cast<T>(args.in_slope));
    });
    x = active;
  }
  convolve_adjoint(g, x, args.weight, args.bias, args.y, cpu);
}

template <class T>
void conv_transpose2d_backward(const ConvTranspose2dBackwardArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const ConvGeometry g = mirrored(args.geometry);
  if (args.dx) {
    const T* no_bias = nullptr;
    convolve(g, args.dy, Activation::kNone, T(0), args.weight, no_bias, args.dx, cpu);
  }
  if (args.dweight) convolve_weights(g, args.x, args.dy, args.dweight, cpu);
  if (args.dbias)
    bias_gradient(args.dy, g.batch, g.in_channels, g.in_height * g.in_width, args.dbias, cpu);
}

OFER_INSTANTIATE(conv_transpose2d, ConvTranspose2dArgs)
OFER_INSTANTIATE(conv_transpose2d_backward, ConvTranspose2dBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
