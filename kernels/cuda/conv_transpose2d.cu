// Transposed convolution on a GPU: the adjoint of a convolution, computed as such, so that no zero
// is ever multiplied (kernels/cuda/conv_products.h).
#include "kernels/cuda/conv_products.h"
#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

template <class T>
void conv_transpose2d(const ConvTranspose2dArgs<T>& args, Stream& stream) {
  convolve_adjoint(mirrored(args.geometry), args.x, args.in_activation,
                   static_cast<float>(args.in_slope), args.weight, args.bias, args.y, stream);
}

template <class T>
void conv_transpose2d_backward(const ConvTranspose2dBackwardArgs<T>& args, Stream& stream) {
  const ConvGeometry g = mirrored(args.geometry);
  if (args.dx) {
    const T* no_bias = nullptr;
    convolve(g, args.dy, Activation::kNone, 0.0f, args.weight, no_bias, args.dx, stream);
  }
  if (args.dweight) convolve_weights(g, args.x, args.dy, args.dweight, stream);
  if (args.dbias)
    bias_gradient(args.dy, g.batch, g.in_channels, g.in_height * g.in_width, args.dbias, stream);
}

OFER_INSTANTIATE_GPU(conv_transpose2d, ConvTranspose2dArgs)
OFER_INSTANTIATE_GPU(conv_transpose2d_backward, ConvTranspose2dBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(conv_transpose2d, ConvTranspose2dArgs)
OFER_INSTANTIATE_GPU_BF16(conv_transpose2d_backward, ConvTranspose2dBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
