// Values from and to memory of a caller's on the CPU.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/threads.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

template <class T>
void export_floats(const ExportFloatsArgs<T>& args, Stream& stream) {
  cpu_stream(stream).parallel_for(args.count, kPointwiseGrain, [&](Index begin, Index end, int) {
    const T* x = args.x;
    float* y = args.y;
    for (Index i = begin; i < end; ++i) y[i] = static_cast<float>(x[i]);
  });
}

template <class T>
void export_flags(const ExportFlagsArgs<T>& args, Stream& stream) {
  cpu_stream(stream).parallel_for(args.count, kPointwiseGrain, [&](Index begin, Index end, int) {
    const T* x = args.x;
    std::uint8_t* y = args.y;
    for (Index i = begin; i < end; ++i) y[i] = x[i] > T(0) ? 1 : 0;
  });
}

template <class T>
void import_flags(const ImportFlagsArgs<T>& args, Stream& stream) {
  cpu_stream(stream).parallel_for(args.count, kPointwiseGrain, [&](Index begin, Index end, int) {
    const std::uint8_t* x = args.x;
    T* y = args.y;
    for (Index i = begin; i < end; ++i) y[i] = x[i] != 0 ? T(1) : T(0);
  });
}

namespace {

// Comparisons with a NaN are false, so it is not taken; what is taken first is any number.
template <class T>
Index top_of(const T* x, Index length) {
  Index top = -1;
  for (Index i = 0; i < length; ++i)
    if (top < 0 ? x[i] == x[i] : x[i] > x[top]) top = i;
  return top < 0 ? 0 : top;
}

}  // namespace

template <class T>
void export_top(const ExportTopArgs<T>& args, Stream& stream) {
  const Index grain = row_grain(args.length);
  cpu_stream(stream).parallel_for(args.rows, grain, [&](Index begin, Index end, int) {
    for (Index r = begin; r < end; ++r)
      args.index[r] = static_cast<std::int32_t>(top_of(args.x + r * args.length, args.length));
  });
}

OFER_INSTANTIATE(export_floats, ExportFloatsArgs)
OFER_INSTANTIATE(export_flags, ExportFlagsArgs)
OFER_INSTANTIATE(import_flags, ImportFlagsArgs)
OFER_INSTANTIATE(export_top, ExportTopArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
