// Pointwise activations on a GPU. GELU's error function is some thirty instructions, which still
// hide behind the 8 bytes that every element moves.
#include "kernels/cuda/activation.cuh"

#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/pointwise.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

// y = f(x)
struct Activate {
  Activation activation;
  float slope;
  __device__ float operator()(float x) const { return activate(x, activation, slope); }
};

// dx = dy f'(x)
struct ActivateBackward {
  Activation activation;
  float slope;
  __device__ float operator()(float dy, float x) const {
    return dy * activate_derivative(x, activation, slope);
  }
};

}  // namespace

template <class T>
void activation(const ActivationArgs<T>& args, Stream& stream) {
  map("activation", args.x, args.y, args.count,
      Activate{args.activation, static_cast<float>(args.slope)}, stream);
}

template <class T>
void activation_backward(const ActivationBackwardArgs<T>& args, Stream& stream) {
  zip("activation_backward", args.dy, args.x, args.dx, args.count,
      ActivateBackward{args.activation, static_cast<float>(args.slope)}, stream);
}

OFER_INSTANTIATE_GPU(activation, ActivationArgs)
OFER_INSTANTIATE_GPU_BF16(activation, ActivationArgs)
OFER_INSTANTIATE_GPU(activation_backward, ActivationBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(activation_backward, ActivationBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
