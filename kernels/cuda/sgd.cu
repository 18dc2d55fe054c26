// A step of stochastic gradient descent on a GPU: one pass over parameter, gradient and velocity.
#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

constexpr int kThreads = 256;

// Thread i of the grid takes element i (kernels/optimiser.h). Bound by memory: five numbers move for
// half a dozen operations.
template <class T>
__global__ void __launch_bounds__(kThreads)
    sgd_kernel(Global<T> parameter, Global<const T> gradient, Global<T> velocity, Index count,
               float rate, float momentum, float decay, float scale, bool nesterov) {
  const Index i = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  const float p = parameter[i];
  const float g = scale * static_cast<float>(gradient[i]) + decay * p;
  float step = g;
  if (velocity) {
    const float v = momentum * static_cast<float>(velocity[i]) + g;
    velocity[i] = T(v);
    step = nesterov ? g + momentum * v : v;
  }
  parameter[i] = T(p - rate * step);
}

}  // namespace

template <class T>
void sgd(const SgdArgs<T>& args, Stream& stream) {
  T* const velocity = args.momentum == 0 ? nullptr : args.velocity;
  launch("sgd", sgd_kernel<T>, {grid_of(blocks_of<Index>(args.count, kThreads)), kThreads}, stream,
         args.parameter, args.gradient, velocity, args.count, static_cast<float>(args.rate),
         static_cast<float>(args.momentum), static_cast<float>(args.weight_decay),
         static_cast<float>(args.gradient_scale), args.nesterov);
}

OFER_INSTANTIATE_GPU(sgd, SgdArgs)
OFER_INSTANTIATE_GPU_BF16(sgd, SgdArgs)

}  // namespace ofer::kernels::OFER_GPU
