// A step of Adam or AdamW on the CPU.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/threads.h"
#include "kernels/cpu/vector_math.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

template <class T>
void adam(const AdamArgs<T>& args, Stream& stream) {
  const T rate = static_cast<T>(args.rate / args.correction1);
  const T beta1 = static_cast<T>(args.beta1), beta2 = static_cast<T>(args.beta2);
  const T fresh1 = static_cast<T>(1 - args.beta1), fresh2 = static_cast<T>(1 - args.beta2);
  const T second_scale = static_cast<T>(1 / args.correction2), eps = static_cast<T>(args.eps);
  const T scale = static_cast<T>(args.gradient_scale);
  const T coupled = static_cast<T>(args.decoupled ? 0 : args.weight_decay);
  const T keep = static_cast<T>(args.decoupled ? 1 - args.rate * args.weight_decay : 1);
  cpu_stream(stream).parallel_for(args.count, kPointwiseGrain, [&](Index begin, Index end, int) {
    T* p = args.parameter;
    const T* gradient = args.gradient;
    T* first = args.first;
    T* second = args.second;
    OFER_INDEPENDENT
    for (Index i = begin; i < end; ++i) {
      const T g = scale * gradient[i] + coupled * p[i];
      const T m = beta1 * first[i] + fresh1 * g;
      const T v = beta2 * second[i] + fresh2 * g * g;
      first[i] = m;
      second[i] = v;
      p[i] = keep * p[i] - rate * m / (sqrt_of(v * second_scale) + eps);
    }
  });
}

OFER_INSTANTIATE(adam, AdamArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
