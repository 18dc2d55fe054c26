// A step of stochastic gradient descent on the CPU.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/threads.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

template <class T>
void sgd(const SgdArgs<T>& args, Stream& stream) {
  const T rate = static_cast<T>(args.rate), momentum = static_cast<T>(args.momentum);
  const T decay = static_cast<T>(args.weight_decay);
  const T scale = static_cast<T>(args.gradient_scale);
  // step = direct g + share v
  const T direct = args.nesterov ? T(1) : T(0), share = args.nesterov ? momentum : T(1);
  cpu_stream(stream).parallel_for(args.count, kPointwiseGrain, [&](Index begin, Index end, int) {
    T* p = args.parameter;
    const T* gradient = args.gradient;
    if (!args.velocity || momentum == T(0)) {
      OFER_INDEPENDENT
      for (Index i = begin; i < end; ++i) p[i] -= rate * (scale * gradient[i] + decay * p[i]);
      return;
    }
    T* velocity = args.velocity;
    OFER_INDEPENDENT
    for (Index i = begin; i < end; ++i) {
      const T g = scale * gradient[i] + decay * p[i];
      const T v = momentum * velocity[i] + g;
      velocity[i] = v;
      p[i] -= rate * (direct * g + share * v);
    }
  });
}

OFER_INSTANTIATE(sgd, SgdArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
