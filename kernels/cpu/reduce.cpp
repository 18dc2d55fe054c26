// Sums, means and extremes along an axis, on the CPU. A long axis is cut into parts whose length
// depends on nothing else; their sums are added in order.
#include "kernels/cpu/extremes.h"
#include "kernels/cpu/operations.h"
#include "kernels/cpu/sums.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

constexpr Index kRowPart = 64 * kSumBlock;  // elements, where the axis is the last
constexpr Index kColumnPart = 4096;         // steps along the axis, where it is not
constexpr Index kStrip = 64;                // columns side by side
constexpr Index kFold = 64;                 // steps between two folds into doubles

template <class T>
void reduce_rows(const ReduceArgs<T>& args, double scale, CpuStream& cpu) {
  const Index length = args.length, parts = larger(1, blocks_of(length, kRowPart));
  double* sums = cpu.shared_scratch<double>(0, args.outer * parts);
  cpu.parallel_for(
      args.outer * parts, row_grain(smaller(length, kRowPart)), [&](Index first, Index last, int) {
        for (Index item = first; item < last; ++item) {
          const Index begin = item % parts * kRowPart;
          const T* x = args.x + item / parts * length + begin;
          sums[item] =
              lane_sum<T>(smaller(kRowPart, length - begin), [=](Index i) { return x[i]; });
        }
      });
  for (Index r = 0; r < args.outer; ++r) {
    double total = 0;
    for (Index part = 0; part < parts; ++part) total += sums[r * parts + part];
    args.y[r] = static_cast<T>(total * scale);
  }
}

// Sums of `width` <= kStrip columns over `steps` rows that lie `inner` apart.
template <class T>
void strip_sums(const T* x, Index steps, Index inner, Index width, double* total) {
  for (Index c = 0; c < width; ++c) total[c] = 0;
  for (Index block = 0; block < steps; block += kFold) {
    T sum[kStrip] = {};
    const Index end = smaller(steps, block + kFold);
    for (Index i = block; i < end; ++i)
      for (Index c = 0; c < width; ++c) sum[c] += x[i * inner + c];
    for (Index c = 0; c < width; ++c) total[c] += static_cast<double>(sum[c]);
  }
}

template <class T>
void reduce_columns(const ReduceArgs<T>& args, double scale, CpuStream& cpu) {
  const Index length = args.length, inner = args.inner;
  const Index strips = blocks_of(inner, kStrip), parts = larger(1, blocks_of(length, kColumnPart));
  double* sums = parts > 1 ? cpu.shared_scratch<double>(0, args.outer * parts * inner) : nullptr;
  const Index steps = smaller(length, kColumnPart);
  cpu.parallel_for(
      args.outer * parts * strips, row_grain(steps * kStrip), [&](Index first, Index last, int) {
        for (Index item = first; item < last; ++item) {
          const Index column = item % strips * kStrip, width = smaller(kStrip, inner - column);
          const Index part = item / strips % parts, r = item / strips / parts;
          const Index begin = part * kColumnPart;
          double local[kStrip];
          double* total = sums ? sums + (r * parts + part) * inner + column : local;
          strip_sums(args.x + (r * length + begin) * inner + column,
                     smaller(kColumnPart, length - begin), inner, width, total);
          if (sums) continue;
          for (Index c = 0; c < width; ++c)
            args.y[r * inner + column + c] = static_cast<T>(total[c] * scale);
        }
      });
  if (!sums) return;
  for (Index r = 0; r < args.outer; ++r)
    for (Index c = 0; c < inner; ++c) {
      double total = 0;
      for (Index part = 0; part < parts; ++part) total += sums[(r * parts + part) * inner + c];
      args.y[r * inner + c] = static_cast<T>(total * scale);
    }
}

template <class T, class Order>
void extreme_strip(const T* x, Index length, Index inner, Index width, T* y, std::int32_t* argument,
                   Order) {
  T best[kStrip];
  std::int32_t at[kStrip] = {};
  for (Index c = 0; c < width; ++c) best[c] = x[c];
  for (Index i = 1; i < length; ++i)
    for (Index c = 0; c < width; ++c) {
      const T v = x[i * inner + c];
      const bool take = Order::replaces(v, best[c]);
      best[c] = take ? v : best[c];
      at[c] = take ? static_cast<std::int32_t>(i) : at[c];
    }
  for (Index c = 0; c < width; ++c) y[c] = best[c];
  if (argument)
    for (Index c = 0; c < width; ++c) argument[c] = at[c];
}

template <class T, class Order>
void reduce_extreme(const ReduceArgs<T>& args, CpuStream& cpu, Order order) {
  const Index length = args.length, inner = args.inner;
  if (length == 0) return;
  if (inner == 1) {
    cpu.parallel_for(args.outer, row_grain(length), [&](Index first, Index last, int) {
      for (Index r = first; r < last; ++r) {
        const T* x = args.x + r * length;
        args.y[r] = extreme(x, length, order);
        if (args.argument)
          args.argument[r] = static_cast<std::int32_t>(first_equal(x, length, args.y[r]));
      }
    });
    return;
  }
  const Index strips = blocks_of(inner, kStrip);
  cpu.parallel_for(args.outer * strips, row_grain(length * kStrip),
                   [&](Index first, Index last, int) {
                     for (Index item = first; item < last; ++item) {
                       const Index column = item % strips * kStrip, r = item / strips;
                       const Index at = r * inner + column;
                       extreme_strip(args.x + r * length * inner + column, length, inner,
                                     smaller(kStrip, inner - column), args.y + at,
                                     args.argument ? args.argument + at : nullptr, order);
                     }
                   });
}

}  // namespace

template <class T>
void reduce(const ReduceArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  if (args.outer == 0 || args.inner == 0) return;
  if (args.function == Reduction::kMaximum) return reduce_extreme(args, cpu, Maximum<T>{});
  if (args.function == Reduction::kMinimum) return reduce_extreme(args, cpu, Minimum<T>{});
  const double scale =
      args.function == Reduction::kMean ? 1.0 / static_cast<double>(args.length) : 1.0;
  if (args.inner == 1)
    reduce_rows(args, scale, cpu);
  else
    reduce_columns(args, scale, cpu);
}

template <class T>
void reduce_backward(const ReduceBackwardArgs<T>& args, Stream& stream) {
  const Index length = args.length, inner = args.inner;
  const bool extreme_only =
      args.function == Reduction::kMaximum || args.function == Reduction::kMinimum;
  const T scale = args.function == Reduction::kMean ? T(1) / static_cast<T>(args.length) : T(1);
  cpu_stream(stream).parallel_for(
      args.outer * length, row_grain(inner), [&](Index first, Index last, int) {
        for (Index item = first; item < last; ++item) {
          const Index r = item / length;
          const T* dy = args.dy + r * inner;
          T* dx = args.dx + item * inner;
          if (extreme_only) {
            const std::int32_t* argument = args.argument + r * inner;
            const std::int32_t i = static_cast<std::int32_t>(item % length);
            for (Index c = 0; c < inner; ++c) dx[c] = argument[c] == i ? dy[c] : T(0);
          } else {
            for (Index c = 0; c < inner; ++c) dx[c] = scale * dy[c];
          }
        }
      });
}

OFER_INSTANTIATE(reduce, ReduceArgs)
OFER_INSTANTIATE(reduce_backward, ReduceBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
