// y += alpha x, and y = value, on the CPU.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/threads.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

template <class T>
void accumulate(const AccumulateArgs<T>& args, Stream& stream) {
  const T alpha = static_cast<T>(args.alpha);
  cpu_stream(stream).parallel_for(args.count, kPointwiseGrain, [&](Index begin, Index end, int) {
    const T* x = args.x;
    T* y = args.y;
    OFER_INDEPENDENT
    for (Index i = begin; i < end; ++i) y[i] += alpha * x[i];
  });
}

template <class T>
void fill(const FillArgs<T>& args, Stream& stream) {
  const T value = static_cast<T>(args.value);
  cpu_stream(stream).parallel_for(args.count, kPointwiseGrain, [&](Index begin, Index end, int) {
    for (Index i = begin; i < end; ++i) args.y[i] = value;
  });
}

OFER_INSTANTIATE(accumulate, AccumulateArgs)
OFER_INSTANTIATE(fill, FillArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
