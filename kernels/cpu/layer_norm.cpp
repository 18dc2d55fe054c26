// Layer norm on the CPU. A range of rows is normalised in one go; the gradients of weight and bias
// are shared out by columns, each summed over the rows in order.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/statistics.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

template <class T>
void layer_norm(const LayerNormArgs<T>& args, Stream& stream) {
  const Index columns = args.columns;
  cpu_stream(stream).parallel_for(args.rows, row_grain(columns), [&](Index first, Index last, int) {
    const T* weight = args.weight;
    const T* bias = args.bias;
    for (Index r = first; r < last; ++r) {
      const T* x = args.x + r * columns;
      T* y = args.y + r * columns;
      const Statistics<T> row = statistics(x, 1, columns, columns);
      const T rstd = reciprocal_deviation<T>(row.variance, args.eps);
      const Mean<T> mean = row.mean;
      OFER_INDEPENDENT
      for (Index c = 0; c < columns; ++c) y[c] = mean.centred(x[c]) * rstd * weight[c] + bias[c];
      if (args.mean) args.mean[r] = static_cast<T>(mean.value());
      if (args.rstd) args.rstd[r] = rstd;
    }
  });
}

namespace {

// dx = rstd (g - mean(g) - xhat mean(g xhat)) with g = dy weight, of one row.
template <class T>
void row_gradient(const T* dy, const T* x, const T* weight, Mean<T> mean, T rstd, Index columns,
                  T* dx) {
  double sum, product;
  lane_sums<T>(
      columns, [=](Index c) { return dy[c] * weight[c]; },
      [=](Index c) { return dy[c] * weight[c] * (mean.centred(x[c]) * rstd); }, sum, product);
  const double n = static_cast<double>(columns);
  const T mean_g = static_cast<T>(sum / n), mean_gx = static_cast<T>(product / n);
  OFER_INDEPENDENT
  for (Index c = 0; c < columns; ++c) {
    const T normalised = mean.centred(x[c]) * rstd;
    dx[c] = rstd * (dy[c] * weight[c] - (mean_g + normalised * mean_gx));
  }
}

// dweight and dbias of `width` <= kStrip columns: sums over the rows, in blocks that are folded
// into doubles.
constexpr Index kStrip = 64;
constexpr Index kFold = 64;

template <class T>
void strip_gradient(const LayerNormBackwardArgs<T>& args, const T* low, Index begin, Index width) {
  double weight_total[kStrip] = {}, bias_total[kStrip] = {};
  for (Index block = 0; block < args.rows; block += kFold) {
    T weight_sum[kStrip] = {}, bias_sum[kStrip] = {};
    const Index end = smaller(args.rows, block + kFold);
    for (Index r = block; r < end; ++r) {
      const T* x = args.x + r * args.columns + begin;
      const T* dy = args.dy + r * args.columns + begin;
      const Mean<T> mean{args.mean[r], low[r]};
      const T rstd = args.rstd[r];
      for (Index c = 0; c < width; ++c) weight_sum[c] += dy[c] * (mean.centred(x[c]) * rstd);
      for (Index c = 0; c < width; ++c) bias_sum[c] += dy[c];
    }
    for (Index c = 0; c < width; ++c) weight_total[c] += static_cast<double>(weight_sum[c]);
    for (Index c = 0; c < width; ++c) bias_total[c] += static_cast<double>(bias_sum[c]);
  }
  if (args.dweight)
    for (Index c = 0; c < width; ++c) args.dweight[begin + c] = static_cast<T>(weight_total[c]);
  if (args.dbias)
    for (Index c = 0; c < width; ++c) args.dbias[begin + c] = static_cast<T>(bias_total[c]);
}

}  // namespace

template <class T>
void layer_norm_backward(const LayerNormBackwardArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const Index columns = args.columns;
  T* low = cpu.shared_scratch<T>(0, args.rows);
  cpu.parallel_for(args.rows, row_grain(columns), [&](Index first, Index last, int) {
    for (Index r = first; r < last; ++r)
      low[r] = refine_mean(args.x + r * columns, columns, args.mean[r]).low;
  });
  if (args.dweight || args.dbias)
    cpu.parallel_for(columns, kStrip, [&](Index begin, Index end, int) {
      strip_gradient(args, low, begin, end - begin);
    });
  if (args.dx)
    cpu.parallel_for(args.rows, row_grain(columns), [&](Index first, Index last, int) {
      for (Index r = first; r < last; ++r)
        row_gradient(args.dy + r * columns, args.x + r * columns, args.weight,
                     Mean<T>{args.mean[r], low[r]}, args.rstd[r], columns, args.dx + r * columns);
    });
}

OFER_INSTANTIATE(layer_norm, LayerNormArgs)
OFER_INSTANTIATE(layer_norm_backward, LayerNormBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
