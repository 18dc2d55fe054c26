// Batch norm on the CPU. In training one range takes a channel of all images; with the running
// statistics every plane stands alone.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/statistics.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

template <class T>
void normalise_plane(const T* x, Mean<T> mean, T scale, T bias, Index count, T* y) {
  OFER_INDEPENDENT
  for (Index i = 0; i < count; ++i) y[i] = mean.centred(x[i]) * scale + bias;
}

template <class T>
void train_channel(const BatchNormArgs<T>& args, Index c) {
  const Index positions = args.positions, stride = args.channels * positions;
  const Statistics<T> all = statistics(args.x + c * positions, args.batch, positions, stride);
  const double count = static_cast<double>(args.batch * positions);
  const double mean = all.mean.value();
  const double unbiased = count > 1 ? all.variance * (count / (count - 1)) : all.variance;
  const T rstd = reciprocal_deviation<T>(all.variance, args.eps);
  for (Index n = 0; n < args.batch; ++n)
    normalise_plane(args.x + n * stride + c * positions, all.mean, rstd * args.weight[c],
                    args.bias[c], positions, args.y + n * stride + c * positions);
  const double old_mean = static_cast<double>(args.running_mean[c]);
  const double old_variance = static_cast<double>(args.running_variance[c]);
  args.running_mean[c] = static_cast<T>(old_mean + args.momentum * (mean - old_mean));
  args.running_variance[c] =
      static_cast<T>(old_variance + args.momentum * (unbiased - old_variance));
  if (args.mean) args.mean[c] = static_cast<T>(mean);
  if (args.rstd) args.rstd[c] = rstd;
}

}  // namespace

template <class T>
void batch_norm(const BatchNormArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const Index positions = args.positions;
  if (args.training) {
    cpu.parallel_for(args.channels, row_grain(args.batch * positions),
                     [&](Index first, Index last, int) {
                       for (Index c = first; c < last; ++c) train_channel(args, c);
                     });
    return;
  }
  cpu.parallel_for(
      args.batch * args.channels, row_grain(positions), [&](Index first, Index last, int) {
        for (Index plane = first; plane < last; ++plane) {
          const Index c = plane % args.channels;
          const T rstd =
              reciprocal_deviation<T>(static_cast<double>(args.running_variance[c]), args.eps);
          normalise_plane(args.x + plane * positions, Mean<T>{args.running_mean[c], T(0)},
                          rstd * args.weight[c], args.bias[c], positions,
                          args.y + plane * positions);
        }
      });
  for (Index c = 0; c < args.channels; ++c) {
    if (args.mean) args.mean[c] = args.running_mean[c];
    if (args.rstd)
      args.rstd[c] =
          reciprocal_deviation<T>(static_cast<double>(args.running_variance[c]), args.eps);
  }
}

// dbias = sum dy, dweight = sum dy xhat;
//   training: dx = weight rstd (dy - dbias / count - xhat dweight / count)
//   otherwise: dx = weight rstd dy.
template <class T>
void batch_norm_backward(const BatchNormBackwardArgs<T>& args, Stream& stream) {
  const Index positions = args.positions, stride = args.channels * positions;
  const double count = static_cast<double>(args.batch * positions);
  cpu_stream(stream).parallel_for(
      args.channels, row_grain(args.batch * positions), [&](Index first, Index last, int) {
        for (Index c = first; c < last; ++c) {
          const T* x0 = args.x + c * positions;
          const T* dy0 = args.dy + c * positions;
          const T rstd = args.rstd[c];
          Mean<T> mean{args.mean[c], T(0)};
          if (args.training) {
            double rest = 0;
            for (Index n = 0; n < args.batch; ++n) {
              const T* x = x0 + n * stride;
              rest += lane_sum<T>(positions, [=](Index i) { return x[i] - mean.high; });
            }
            mean.low = static_cast<T>(rest / count);
          }
          double sum = 0, product = 0;
          for (Index n = 0; n < args.batch; ++n) {
            const T* x = x0 + n * stride;
            const T* dy = dy0 + n * stride;
            double plane_sum, plane_product;
            lane_sums<T>(
                positions, [=](Index i) { return dy[i]; },
                [=](Index i) { return dy[i] * (mean.centred(x[i]) * rstd); }, plane_sum,
                plane_product);
            sum += plane_sum;
            product += plane_product;
          }
          if (args.dweight) args.dweight[c] = static_cast<T>(product);
          if (args.dbias) args.dbias[c] = static_cast<T>(sum);
          if (!args.dx) continue;
          const T scale = args.weight[c] * rstd;
          const T mean_dy = args.training ? static_cast<T>(sum / count) : T(0);
          const T mean_product = args.training ? static_cast<T>(product / count) : T(0);
          for (Index n = 0; n < args.batch; ++n) {
            const T* x = x0 + n * stride;
            const T* dy = dy0 + n * stride;
            T* dx = args.dx + n * stride + c * positions;
            OFER_INDEPENDENT
            for (Index i = 0; i < positions; ++i) {
              const T normalised = mean.centred(x[i]) * rstd;
              dx[i] = scale * (dy[i] - (mean_dy + normalised * mean_product));
            }
          }
        }
      });
}

OFER_INSTANTIATE(batch_norm, BatchNormArgs)
OFER_INSTANTIATE(batch_norm_backward, BatchNormBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
