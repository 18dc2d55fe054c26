// Instance norm on the CPU: one range takes whole planes, so a plane's bits depend on it alone.
#include "kernels/cpu/activation.h"
#include "kernels/cpu/operations.h"
#include "kernels/cpu/statistics.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

template <class T>
void instance_norm(const InstanceNormArgs<T>& args, Stream& stream) {
  const Index positions = args.positions;
  cpu_stream(stream).parallel_for(
      args.batch * args.channels, row_grain(positions), [&](Index first, Index last, int) {
        for (Index plane = first; plane < last; ++plane) {
          const T* x = args.x + plane * positions;
          T* y = args.y + plane * positions;
          const Statistics<T> all = statistics(x, 1, positions, positions);
          const Mean<T> mean = all.mean;
          const T rstd = reciprocal_deviation<T>(all.variance, args.eps);
          const T scale = rstd * args.weight[plane % args.channels];
          const T bias = args.bias[plane % args.channels];
          with_activation<T>(args.activation, static_cast<T>(args.slope), [&](auto f) {
            OFER_INDEPENDENT
            for (Index i = 0; i < positions; ++i) y[i] = f(mean.centred(x[i]) * scale + bias);
          });
          if (args.mean) args.mean[plane] = static_cast<T>(mean.value());
          if (args.rstd) args.rstd[plane] = rstd;
        }
      });
}

// With xhat the normalised plane:
//   dx = weight rstd (dy - mean(dy) - xhat mean(dy xhat)),
//   dweight = sum over the images of sum(dy xhat), dbias of sum(dy).
template <class T>
void instance_norm_backward(const InstanceNormBackwardArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const Index positions = args.positions, planes = args.batch * args.channels;
  double* sums = cpu.shared_scratch<double>(0, 2 * planes);
  double* products = sums + planes;
  cpu.parallel_for(planes, row_grain(positions), [&](Index first, Index last, int) {
    for (Index plane = first; plane < last; ++plane) {
      const T* dy = args.dy + plane * positions;
      const T* x = args.x + plane * positions;
      const T rstd = args.rstd[plane];
      const Mean<T> mean = refine_mean(x, positions, args.mean[plane]);
      double sum, product;
      lane_sums<T>(
          positions, [=](Index i) { return dy[i]; },
          [=](Index i) { return dy[i] * (mean.centred(x[i]) * rstd); }, sum, product);
      sums[plane] = sum;
      products[plane] = product;
      if (!args.dx) continue;
      const double n = static_cast<double>(positions);
      const T mean_dy = static_cast<T>(sum / n), mean_product = static_cast<T>(product / n);
      const T scale = args.weight[plane % args.channels] * rstd;
      T* dx = args.dx + plane * positions;
      OFER_INDEPENDENT
      for (Index i = 0; i < positions; ++i) {
        const T normalised = mean.centred(x[i]) * rstd;
        dx[i] = scale * (dy[i] - (mean_dy + normalised * mean_product));
      }
    }
  });
  for (Index c = 0; c < args.channels; ++c) {
    double weight = 0, bias = 0;
    for (Index plane = c; plane < planes; plane += args.channels) {
      weight += products[plane];
      bias += sums[plane];
    }
    if (args.dweight) args.dweight[c] = static_cast<T>(weight);
    if (args.dbias) args.dbias[c] = static_cast<T>(bias);
  }
}

OFER_INSTANTIATE(instance_norm, InstanceNormArgs)
OFER_INSTANTIATE(instance_norm_backward, InstanceNormBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
