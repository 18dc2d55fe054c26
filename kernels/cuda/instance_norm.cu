// Instance norm on a GPU: a team of threads for each plane, as large as the plane wants, so that
// one launch serves 256 planes of 128 x 128 positions and 1024 of 1 x 1.
#include "kernels/cuda/activation.cuh"
#include "kernels/cuda/column_sums.cuh"
#include "kernels/cuda/moments.cuh"
#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

//   y[n, c, i] = act((x[n, c, i] - mean_nc) rstd_nc weight[c] + bias[c])
// Team p has plane p = n C + c: one read and one write of it up to 16,384 positions. Longer planes
// are read three times; of 256 x 256 positions one multiprocessor holds one at a time, so that
// those in work (132 of 256 KiB) come from the second-level cache again.
template <class T, class Team, int N>
__global__ void __launch_bounds__(Team::kThreads)
    instance_norm_kernel(Global<const T> x, Global<const T> weight, Global<const T> bias,
                         Global<T> y, Global<Wide<T>> mean, Global<Wide<T>> rstd, Index planes, Index channels,
                         int positions, float eps, Activation activation, float slope,
                         bool aligned) {
  const Index plane = Team::number();
  const bool mine = plane < planes;
  Row<T, Team, 1, N> row({x + plane * positions}, mine ? positions : 0, aligned);
  const Index channel = plane % channels;
  const float gain = static_cast<float>(weight[channel]);
  const float offset = static_cast<float>(bias[channel]);
  const Moments all = moments<Team>(row, positions);
  const float deviation = 1.0f / sqrtf(all.variance + eps), scale = deviation * gain;
  with_activation(activation, slope, [&](auto act) {
    row.store(y + plane * positions,
              [&](const auto& v, int) { return act(all.mean.centred(v[0]) * scale + offset); });
  });
  if (!mine || Team::rank() != 0) return;
  if (mean) mean[plane] = all.mean.value();
  if (rstd) rstd[plane] = deviation;
}

// With xhat the normalised plane: dx = weight rstd (dy - mean(dy) - xhat mean(dy xhat)). Team p has
// plane p and leaves its shares of the other gradients: weight_part[p] of dy xhat, bias_part[p] of
// dy. All three may be null.
template <class T, class Team, int N>
__global__ void __launch_bounds__(Team::kThreads)
    instance_norm_backward_kernel(Global<const T> dy, Global<const T> x, Global<const T> weight,
                                  Global<const Wide<T>> mean, Global<const Wide<T>> rstd, Global<T> dx,
                                  Global<double> weight_part, Global<double> bias_part,
                                  Index planes, Index channels, int positions, bool aligned) {
  const Index plane = Team::number();
  const bool mine = plane < planes;
  const Index start = plane * positions;
  Row<T, Team, 2, N> row({dy + start, x + start}, mine ? positions : 0, aligned);
  const float average = mine ? static_cast<float>(mean[plane]) : 0.0f;
  const float deviation = mine ? static_cast<float>(rstd[plane]) : 0.0f;
  const NormSums sums =
      norm_sums<Team>(row, positions, average, deviation, [](const auto& v) { return v[0]; });
  if (dx) {
    const Mean centre{average, sums.low};
    const float mean_dy = sums.sum / static_cast<float>(positions);
    const float mean_product = sums.product / static_cast<float>(positions);
    const float scale = static_cast<float>(weight[plane % channels]) * deviation;
    row.store(dx + start, [&](const auto& v, int) {
      return scale * (v[0] - (mean_dy + centre.centred(v[1]) * deviation * mean_product));
    });
  }
  if (!mine || Team::rank() != 0) return;
  if (weight_part) weight_part[plane] = sums.product;
  if (bias_part) bias_part[plane] = sums.sum;
}

}  // namespace

template <class T>
void instance_norm(const InstanceNormArgs<T>& args, Stream& stream) {
  const Index planes = args.batch * args.channels;
  if (planes == 0 || args.positions == 0) return;
  with_team<T>(args.positions, [&](auto team, auto n) {
    using Team = decltype(team);
    constexpr int N = n;
    const bool aligned = aligned_for<N>(args.x) && aligned_for<N>(args.y);
    launch("instance_norm", instance_norm_kernel<T, Team, N>, team_shape<Team>(planes), stream,
           args.x, args.weight, args.bias, args.y, args.mean, args.rstd, planes, args.channels,
           static_cast<int>(args.positions), static_cast<float>(args.eps), args.activation,
           static_cast<float>(args.slope), aligned);
  });
}

template <class T>
void instance_norm_backward(const InstanceNormBackwardArgs<T>& args, Stream& stream) {
  const Index batch = args.positions == 0 ? 0 : args.batch, planes = batch * args.channels;
  double* parts = gpu_stream(stream).scratch<double>(0, 2 * planes);
  double* weight_part = args.dweight ? parts : nullptr;
  double* bias_part = args.dbias ? parts + planes : nullptr;
  with_team<T>(args.positions, [&](auto team, auto n) {
    using Team = decltype(team);
    constexpr int N = n;
    const bool aligned =
        aligned_for<N>(args.dy) && aligned_for<N>(args.x) && aligned_for<N>(args.dx);
    launch("instance_norm_backward", instance_norm_backward_kernel<T, Team, N>,
           team_shape<Team>(planes), stream, args.dy, args.x, args.weight, args.mean, args.rstd,
           args.dx, weight_part, bias_part, planes, args.channels, static_cast<int>(args.positions),
           aligned);
  });
  if (args.dweight)
    add_parts("instance_norm_backward", weight_part, args.dweight, 1, batch, args.channels, 1,
              stream);
  if (args.dbias)
    add_parts("instance_norm_backward", bias_part, args.dbias, 1, batch, args.channels, 1, stream);
}

OFER_INSTANTIATE_GPU(instance_norm, InstanceNormArgs)
OFER_INSTANTIATE_GPU_BF16(instance_norm, InstanceNormArgs)
OFER_INSTANTIATE_GPU(instance_norm_backward, InstanceNormBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(instance_norm_backward, InstanceNormBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
