// Rows picked by index, and their adjoint, on the CPU.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/threads.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

template <class T>
void gather_rows(const GatherRowsArgs<T>& args, Stream& stream) {
  const Index width = args.width;
  const std::size_t bytes = static_cast<std::size_t>(width) * sizeof(T);
  cpu_stream(stream).parallel_for(args.rows, row_grain(width), [&](Index first, Index last, int) {
    for (Index r = first; r < last; ++r) {
      T* y = args.y + r * width;
      const T* from = args.index[r] < 0 ? args.fill : args.x + args.index[r] * width;
      if (from)
        __builtin_memcpy(y, from, bytes);
      else
        __builtin_memset(y, 0, bytes);
    }
  });
}

namespace {

constexpr Index kStrip = 64;
constexpr Index kFold = 64;

// dfill of a strip of columns; a masked batch has thousands of such rows, so blocks of them are
// folded into doubles.
template <class T>
void fill_gradient(const GatherRowsBackwardArgs<T>& args, Index begin, Index width) {
  double total[kStrip] = {};
  for (Index block = 0; block < args.rows; block += kFold) {
    T sum[kStrip] = {};
    const Index end = smaller(args.rows, block + kFold);
    for (Index r = block; r < end; ++r) {
      if (args.index[r] >= 0) continue;
      const T* dy = args.dy + r * args.width + begin;
      for (Index c = 0; c < width; ++c) sum[c] += dy[c];
    }
    for (Index c = 0; c < width; ++c) total[c] += static_cast<double>(sum[c]);
  }
  for (Index c = 0; c < width; ++c) args.dfill[begin + c] = static_cast<T>(total[c]);
}

}  // namespace

// An index may occur several times, so the columns are shared out, not the rows.
template <class T>
void gather_rows_backward(const GatherRowsBackwardArgs<T>& args, Stream& stream) {
  const Index width = args.width;
  cpu_stream(stream).parallel_for(width, kStrip, [&](Index begin, Index end, int) {
    if (args.dfill) fill_gradient(args, begin, end - begin);
    if (!args.dx) return;
    for (Index r = 0; r < args.x_rows; ++r)
      for (Index c = begin; c < end; ++c) args.dx[r * width + c] = T(0);
    for (Index r = 0; r < args.rows; ++r) {
      if (args.index[r] < 0) continue;
      const T* dy = args.dy + r * width;
      T* dx = args.dx + args.index[r] * width;
      OFER_INDEPENDENT
      for (Index c = begin; c < end; ++c) dx[c] += dy[c];
    }
  });
}

OFER_INSTANTIATE(gather_rows, GatherRowsArgs)
OFER_INSTANTIATE(gather_rows_backward, GatherRowsBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
