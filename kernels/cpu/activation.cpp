// Pointwise activations on the CPU.
#include "kernels/cpu/activation.h"

#include "kernels/cpu/threads.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

template <class T>
void activation(const ActivationArgs<T>& args, Stream& stream) {
  cpu_stream(stream).parallel_for(args.count, kPointwiseGrain, [&](Index begin, Index end, int) {
    const T* x = args.x;
    T* y = args.y;
    with_activation<T>(args.activation, static_cast<T>(args.slope), [&](auto f) {
      OFER_INDEPENDENT
      for (Index i = begin; i < end; ++i) y[i] = f(x[i]);
    });
  });
}

template <class T>
void activation_backward(const ActivationBackwardArgs<T>& args, Stream& stream) {
  cpu_stream(stream).parallel_for(args.count, kPointwiseGrain, [&](Index begin, Index end, int) {
    const T* dy = args.dy;
    const T* x = args.x;
    T* dx = args.dx;
    with_activation<T>(args.activation, static_cast<T>(args.slope), [&](auto f) {
      OFER_INDEPENDENT
      for (Index i = begin; i < end; ++i) dx[i] = dy[i] * f.derivative(x[i]);
    });
  });
}

OFER_INSTANTIATE(activation, ActivationArgs)
OFER_INSTANTIATE(activation_backward, ActivationBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
