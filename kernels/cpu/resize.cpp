// Separable resampling on the CPU. Horizontally, four rows share each weight; vertically, whole
// rows are added up.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/threads.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

constexpr Index kTogether = 4;
constexpr Index kStrip = 256;  // columns of one item of the vertical pass

// `kRows` rows that lie `in` apart -> rows that lie `out` apart. Each row's sum runs over the taps
// in order, however many rows go together.
template <int kRows, class T>
OFER_INLINE void resample_rows(const ResizeAxis<T>& axis, const T* x, Index in, T* y, Index out) {
  for (Index i = 0; i < out; ++i) {
    const T* from = x + axis.first[i];
    const T* weight = axis.weight + i * axis.taps;
    T sum[kRows] = {};
    for (Index t = 0; t < axis.count[i]; ++t)
      for (int r = 0; r < kRows; ++r) sum[r] += weight[t] * from[r * in + t];
    for (int r = 0; r < kRows; ++r) y[r * out + i] = sum[r];
  }
}

template <int kRows, class T>
OFER_INLINE void spread_rows(const ResizeAxis<T>& axis, const T* dy, Index out, T* dx, Index in) {
  for (Index i = 0; i < kRows * in; ++i) dx[i] = T(0);
  for (Index i = 0; i < out; ++i) {
    T* to = dx + axis.first[i];
    const T* weight = axis.weight + i * axis.taps;
    for (Index t = 0; t < axis.count[i]; ++t)
      for (int r = 0; r < kRows; ++r) to[r * in + t] += weight[t] * dy[r * out + i];
  }
}

}  // namespace

template <class T>
void resize(const ResizeArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const Index in_w = args.in_width, in_h = args.in_height;
  const Index out_w = args.out_width, out_h = args.out_height;
  const Index rows = args.planes * in_h;
  const Index grain = blocks_of(row_grain(out_w * args.horizontal.taps), kTogether) * kTogether;
  cpu.parallel_for(rows, grain, [&](Index first, Index last, int) {
    Index r = first;
    for (; r + kTogether <= last; r += kTogether)
      resample_rows<kTogether>(args.horizontal, args.x + r * in_w, in_w, args.scratch + r * out_w,
                               out_w);
    for (; r < last; ++r)
      resample_rows<1>(args.horizontal, args.x + r * in_w, in_w, args.scratch + r * out_w, out_w);
  });
  const ResizeAxis<T>& axis = args.vertical;
  cpu.parallel_for(args.planes * out_h, row_grain(out_w * axis.taps),
                   [&](Index first, Index last, int) {
                     for (Index row = first; row < last; ++row) {
                       const Index p = row % out_h;
                       const T* from = args.scratch + (row / out_h * in_h + axis.first[p]) * out_w;
                       const T* weight = axis.weight + p * axis.taps;
                       T* y = args.y + row * out_w;
                       for (Index q = 0; q < out_w; ++q) y[q] = T(0);
                       for (Index t = 0; t < axis.count[p]; ++t) {
                         const T w = weight[t];
                         const T* x = from + t * out_w;
                         for (Index q = 0; q < out_w; ++q) y[q] += w * x[q];
                       }
                     }
                   });
}

template <class T>
void resize_backward(const ResizeBackwardArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const Index in_w = args.in_width, in_h = args.in_height;
  const Index out_w = args.out_width, out_h = args.out_height;
  const ResizeAxis<T>& axis = args.vertical;
  const Index strips = blocks_of(out_w, kStrip);
  cpu.parallel_for(args.planes * strips, 1, [&](Index first, Index last, int) {
    for (Index item = first; item < last; ++item) {
      const Index plane = item / strips, begin = item % strips * kStrip;
      const Index end = smaller(out_w, begin + kStrip);
      T* to = args.scratch + plane * in_h * out_w;
      for (Index h = 0; h < in_h; ++h)
        for (Index q = begin; q < end; ++q) to[h * out_w + q] = T(0);
      for (Index p = 0; p < out_h; ++p) {
        const T* dy = args.dy + (plane * out_h + p) * out_w;
        for (Index t = 0; t < axis.count[p]; ++t) {
          const T w = axis.weight[p * axis.taps + t];
          T* row = to + (axis.first[p] + t) * out_w;
          OFER_INDEPENDENT
          for (Index q = begin; q < end; ++q) row[q] += w * dy[q];
        }
      }
    }
  });
  const Index rows = args.planes * in_h;
  const Index grain = blocks_of(row_grain(out_w * args.horizontal.taps), kTogether) * kTogether;
  cpu.parallel_for(rows, grain, [&](Index first, Index last, int) {
    Index r = first;
    for (; r + kTogether <= last; r += kTogether)
      spread_rows<kTogether>(args.horizontal, args.scratch + r * out_w, out_w, args.dx + r * in_w,
                             in_w);
    for (; r < last; ++r)
      spread_rows<1>(args.horizontal, args.scratch + r * out_w, out_w, args.dx + r * in_w, in_w);
  });
}

OFER_INSTANTIATE(resize, ResizeArgs)
OFER_INSTANTIATE(resize_backward, ResizeBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
