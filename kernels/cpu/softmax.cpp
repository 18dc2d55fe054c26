// Softmax and log-softmax on the CPU. Along the last axis a row at a time; along another one,
// strips of neighbouring columns side by side.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/softmax_row.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

constexpr Index kStrip = 64;

// Columns [0, width), width <= kStrip, of a matrix whose rows lie `inner` apart.
template <class T>
void softmax_strip(const T* x, T* y, Index length, Index inner, Index width, bool logarithm) {
  T top[kStrip];
  double total[kStrip] = {};
  for (Index c = 0; c < width; ++c) top[c] = x[c];
  for (Index i = 1; i < length; ++i)
    for (Index c = 0; c < width; ++c) {
      const T v = x[i * inner + c];
      top[c] = Maximum<T>::replaces(v, top[c]) ? v : top[c];
    }
  for (Index i = 0; i < length; ++i) {
    T e[kStrip];
    for (Index c = 0; c < width; ++c) e[c] = exp_of(x[i * inner + c] - top[c]);
    for (Index c = 0; c < width; ++c) total[c] += static_cast<double>(e[c]);
    if (!logarithm)
      for (Index c = 0; c < width; ++c) y[i * inner + c] = e[c];
  }
  T end[kStrip];
  for (Index c = 0; c < width; ++c)
    end[c] = static_cast<T>(logarithm ? log_of(total[c]) : 1.0 / total[c]);
  for (Index i = 0; i < length; ++i) {
    T* row = y + i * inner;
    if (logarithm) {
      const T* from = x + i * inner;
      OFER_INDEPENDENT
      for (Index c = 0; c < width; ++c) row[c] = (from[c] - top[c]) - end[c];
    } else {
      for (Index c = 0; c < width; ++c) row[c] *= end[c];
    }
  }
}

template <class T>
void softmax_row_backward(const T* dy, const T* y, T* dx, Index length, bool logarithm) {
  if (logarithm) {
    const T sum = static_cast<T>(lane_sum<T>(length, [=](Index i) { return dy[i]; }));
    OFER_INDEPENDENT
    for (Index i = 0; i < length; ++i) dx[i] = dy[i] - exp_of(y[i]) * sum;
  } else {
    const T sum = static_cast<T>(dot(dy, y, length));
    OFER_INDEPENDENT
    for (Index i = 0; i < length; ++i) dx[i] = y[i] * (dy[i] - sum);
  }
}

template <class T>
void softmax_strip_backward(const T* dy, const T* y, T* dx, Index length, Index inner, Index width,
                            bool logarithm) {
  double total[kStrip] = {};
  for (Index i = 0; i < length; ++i)
    for (Index c = 0; c < width; ++c) {
      const T d = dy[i * inner + c];
      total[c] += static_cast<double>(logarithm ? d : d * y[i * inner + c]);
    }
  T sum[kStrip];
  for (Index c = 0; c < width; ++c) sum[c] = static_cast<T>(total[c]);
  for (Index i = 0; i < length; ++i) {
    const T* dy_row = dy + i * inner;
    const T* y_row = y + i * inner;
    T* dx_row = dx + i * inner;
    if (logarithm) {
      OFER_INDEPENDENT
      for (Index c = 0; c < width; ++c) dx_row[c] = dy_row[c] - exp_of(y_row[c]) * sum[c];
    } else {
      OFER_INDEPENDENT
      for (Index c = 0; c < width; ++c) dx_row[c] = y_row[c] * (dy_row[c] - sum[c]);
    }
  }
}

}  // namespace

template <class T>
void softmax(const SoftmaxArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const Index length = args.length, inner = args.inner;
  if (length == 0 || inner == 0) return;
  if (inner == 1) {
    cpu.parallel_for(args.outer, row_grain(4 * length), [&](Index first, Index last, int) {
      for (Index r = first; r < last; ++r) {
        const T* x = args.x + r * length;
        T* y = args.y + r * length;
        args.logarithm ? log_softmax_row(x, y, length) : softmax_row(x, y, length);
      }
    });
    return;
  }
  const Index strips = blocks_of(inner, kStrip);
  cpu.parallel_for(args.outer * strips, row_grain(4 * length * kStrip),
                   [&](Index first, Index last, int) {
                     for (Index item = first; item < last; ++item) {
                       const Index begin = item % strips * kStrip;
                       const Index at = item / strips * length * inner + begin;
                       softmax_strip(args.x + at, args.y + at, length, inner,
                                     smaller(kStrip, inner - begin), args.logarithm);
                     }
                   });
}

template <class T>
void softmax_backward(const SoftmaxBackwardArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const Index length = args.length, inner = args.inner;
  if (length == 0 || inner == 0) return;
  if (inner == 1) {
    cpu.parallel_for(args.outer, row_grain(2 * length), [&](Index first, Index last, int) {
      for (Index r = first; r < last; ++r)
        softmax_row_backward(args.dy + r * length, args.y + r * length, args.dx + r * length,
                             length, args.logarithm);
    });
    return;
  }
  const Index strips = blocks_of(inner, kStrip);
  cpu.parallel_for(
      args.outer * strips, row_grain(2 * length * kStrip), [&](Index first, Index last, int) {
        for (Index item = first; item < last; ++item) {
          const Index begin = item % strips * kStrip;
          const Index at = item / strips * length * inner + begin;
          softmax_strip_backward(args.dy + at, args.y + at, args.dx + at, length, inner,
                                 smaller(kStrip, inner - begin), args.logarithm);
        }
      });
}

OFER_INSTANTIATE(softmax, SoftmaxArgs)
OFER_INSTANTIATE(softmax_backward, SoftmaxBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
