// Convolution on a GPU: an implicit matrix product (kernels/cuda/conv_products.h).
#include "kernels/cuda/conv_products.h"
#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

template <class T>
void conv2d(const Conv2dArgs<T>& args, Stream& stream) {
  convolve(args.geometry, args.x, args.in_activation, static_cast<float>(args.in_slope),
           args.weight, args.bias, args.y, stream);
}

template <class T>
void conv2d_backward(const Conv2dBackwardArgs<T>& args, Stream& stream) {
  const ConvGeometry& g = args.geometry;
  if (args.dx) {
    const T* no_bias = nullptr;
    convolve_adjoint(g, args.dy, Activation::kNone, 0.0f, args.weight, no_bias, args.dx, stream);
  }
  if (args.dweight) convolve_weights(g, args.dy, args.x, args.dweight, stream);
  if (args.dbias)
    bias_gradient(args.dy, g.batch, g.out_channels, g.out_height * g.out_width, args.dbias, stream);
}

OFER_INSTANTIATE_GPU(conv2d, Conv2dArgs)
OFER_INSTANTIATE_GPU(conv2d_backward, Conv2dBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(conv2d, Conv2dArgs)
OFER_INSTANTIATE_GPU_BF16(conv2d_backward, Conv2dBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
