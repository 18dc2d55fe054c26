// A step of Adam or AdamW on a GPU: one pass over parameter, gradient and both moments.
#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

constexpr int kThreads = 256;

// What the formula of kernels/optimiser.h needs, with what is the same for all elements worked out.
struct AdamStep {
  float rate;  // divided by the first correction
  float beta1, fresh1, beta2, fresh2;
  float second_scale, eps, gradient_scale;
  float coupled;  // weight decay inside the gradient
  float keep;     // what decoupled weight decay leaves of a parameter
};

// Thread i of the grid takes element i. Bound by memory: seven numbers move for a dozen operations.
template <class T>
__global__ void __launch_bounds__(kThreads)
    adam_kernel(Global<T> parameter, Global<const T> gradient, Global<T> first, Global<T> second,
                Index count, AdamStep step) {
  const Index i = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  const float p = parameter[i];
  const float g = step.gradient_scale * static_cast<float>(gradient[i]) + step.coupled * p;
  const float m = step.beta1 * static_cast<float>(first[i]) + step.fresh1 * g;
  const float v = step.beta2 * static_cast<float>(second[i]) + step.fresh2 * g * g;
  first[i] = T(m);
  second[i] = T(v);
  parameter[i] = T(step.keep * p - step.rate * m / (sqrtf(v * step.second_scale) + step.eps));
}

}  // namespace

template <class T>
void adam(const AdamArgs<T>& args, Stream& stream) {
  AdamStep step{};
  step.rate = static_cast<float>(args.rate / args.correction1);
  step.beta1 = static_cast<float>(args.beta1);
  step.fresh1 = static_cast<float>(1 - args.beta1);
  step.beta2 = static_cast<float>(args.beta2);
  step.fresh2 = static_cast<float>(1 - args.beta2);
  step.second_scale = static_cast<float>(1 / args.correction2);
  step.eps = static_cast<float>(args.eps);
  step.gradient_scale = static_cast<float>(args.gradient_scale);
  step.coupled = static_cast<float>(args.decoupled ? 0 : args.weight_decay);
  step.keep = static_cast<float>(args.decoupled ? 1 - args.rate * args.weight_decay : 1);
  launch("adam", adam_kernel<T>, {grid_of(blocks_of<Index>(args.count, kThreads)), kThreads},
         stream, args.parameter, args.gradient, args.first, args.second, args.count, step);
}

OFER_INSTANTIATE_GPU(adam, AdamArgs)
OFER_INSTANTIATE_GPU_BF16(adam, AdamArgs)

}  // namespace ofer::kernels::OFER_GPU
