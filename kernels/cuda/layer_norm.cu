// Layer norm on a GPU: one warp for a row, which stays in its registers.
#include "kernels/cuda/column_sums.cuh"
#include "kernels/cuda/moments.cuh"
#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

// 768 and 512 columns are the real ones; a warp beats a wider team there, because it has no barrier
// to wait at. Rows too long for its registers have a block each.
template <class T, class Use>
void with_layer_team(Index columns, Use use) {
  if (columns <= 256) return with_group<T>(Team<32, 8>{}, columns, use);
  if (columns <= 512) return with_group<T>(Team<32, 16>{}, columns, use);
  if (columns <= 768) return with_group<T>(Team<32, 24>{}, columns, use);
  if (columns <= 1024) return with_group<T>(Team<32, 32>{}, columns, use);
  return with_group<T>(Team<256, 8, false>{}, columns, use);
}

// y[r, c] = (x[r, c] - mean_r) rstd_r weight[c] + bias[c], x, y [rows, columns]. Team r has row r;
// weight and bias are loaded along with it, so that their latency is not waited for on its own.
template <class T, class Team, int N>
__global__ void __launch_bounds__(Team::kThreads)
    layer_norm_kernel(Global<const T> x, Global<const T> weight, Global<const T> bias, Global<T> y,
                      Global<Wide<T>> mean, Global<Wide<T>> rstd, Index rows, int columns, float eps,
                      bool aligned) {
  const Index r = Team::number();
  const bool mine = r < rows;
  Row<T, Team, 3, N> row({x + r * columns, weight, bias}, mine ? columns : 0, aligned);
  const Moments all = moments<Team>(row, columns);
  const float scale = 1.0f / sqrtf(all.variance + eps);
  row.store(y + r * columns,
            [&](const auto& v, int) { return all.mean.centred(v[0]) * scale * v[1] + v[2]; });
  if (!mine || Team::rank() != 0) return;
  if (mean) mean[r] = all.mean.value();
  if (rstd) rstd[r] = scale;
}

// dx = rstd (g - mean(g) - xhat mean(g xhat)) with g = dy weight. Team r has row r. low[r] is what
// the kept mean misses, for the other gradients; either result may be null.
template <class T, class Team, int N>
__global__ void __launch_bounds__(Team::kThreads)
    layer_norm_dx_kernel(Global<const T> dy, Global<const T> x, Global<const T> weight,
                         Global<const Wide<T>> mean, Global<const Wide<T>> rstd, Global<T> dx,
                         Global<float> low, Index rows, int columns, bool aligned) {
  const Index r = Team::number();
  const bool mine = r < rows;
  Row<T, Team, 3, N> row({dy + r * columns, x + r * columns, weight}, mine ? columns : 0, aligned);
  const float average = mine ? static_cast<float>(mean[r]) : 0.0f;
  const float scale = mine ? static_cast<float>(rstd[r]) : 0.0f;
  const auto gradient = [](const auto& v) { return v[0] * v[2]; };
  const NormSums sums = norm_sums<Team>(row, columns, average, scale, gradient);
  const Mean centre{average, sums.low};
  const float mean_g = sums.sum / static_cast<float>(columns);
  const float mean_product = sums.product / static_cast<float>(columns);
  if (dx)
    row.store(dx + r * columns, [&](const auto& v, int) {
      return scale * (gradient(v) - (mean_g + centre.centred(v[1]) * scale * mean_product));
    });
  if (low && mine && Team::rank() == 0) low[r] = sums.low;
}

// Sums over kPartSteps rows of a strip of columns: weight_part[p, c] of dy xhat, bias_part[p, c] of
// dy. x and dy come a second time here, which for 16 images of 197 rows (19 MB) is from the
// second-level cache.
template <class T>
__global__ void __launch_bounds__(kStripThreads)
    layer_norm_columns_kernel(Global<const T> dy, Global<const T> x, Global<const Wide<T>> mean,
                              Global<const Wide<T>> rstd, Global<const float> low,
                              Global<double> weight_part, Global<double> bias_part, Index rows,
                              Index columns) {
  const Index strips = blocks_of<Index>(columns, kStrip);
  const Index part = blockIdx.x / strips;
  const Index c = blockIdx.x % strips * kStrip + threadIdx.x % kStrip;
  const Index first = part * kPartSteps;
  const Index last = min(rows, first + kPartSteps);
  float weight_sum = 0, bias_sum = 0;
  if (c < columns)
    for (Index r = first + threadIdx.x / kStrip; r < last; r += kSlices) {
      const Mean centre{static_cast<float>(mean[r]), low[r]};
      const float g = static_cast<float>(dy[r * columns + c]);
      const float normal =
          centre.centred(static_cast<float>(x[r * columns + c])) * static_cast<float>(rstd[r]);
      weight_sum += g * normal;
      bias_sum += g;
    }
  double total[2] = {weight_sum, bias_sum};
  add_slices(total);
  if (threadIdx.x >= kStrip || c >= columns) return;
  weight_part[part * columns + c] = total[0];
  bias_part[part * columns + c] = total[1];
}

}  // namespace

template <class T>
void layer_norm(const LayerNormArgs<T>& args, Stream& stream) {
  if (args.rows == 0 || args.columns == 0) return;
  with_layer_team<T>(args.columns, [&](auto team, auto n) {
    using Team = decltype(team);
    constexpr int N = n;
    const bool aligned = aligned_for<N>(args.x) && aligned_for<N>(args.y) &&
                         aligned_for<N>(args.weight) && aligned_for<N>(args.bias);
    launch("layer_norm", layer_norm_kernel<T, Team, N>, team_shape<Team>(args.rows), stream, args.x,
           args.weight, args.bias, args.y, args.mean, args.rstd, args.rows,
           static_cast<int>(args.columns), static_cast<float>(args.eps), aligned);
  });
}

template <class T>
void layer_norm_backward(const LayerNormBackwardArgs<T>& args, Stream& stream) {
  if (args.columns == 0) return;
  const bool by_column = args.dweight || args.dbias;
  float* low = by_column ? gpu_stream(stream).scratch<float>(0, args.rows) : nullptr;
  with_layer_team<T>(args.columns, [&](auto team, auto n) {
    using Team = decltype(team);
    constexpr int N = n;
    const bool aligned = aligned_for<N>(args.dy) && aligned_for<N>(args.x) &&
                         aligned_for<N>(args.weight) && aligned_for<N>(args.dx);
    launch("layer_norm_backward", layer_norm_dx_kernel<T, Team, N>, team_shape<Team>(args.rows),
           stream, args.dy, args.x, args.weight, args.mean, args.rstd, args.dx, low, args.rows,
           static_cast<int>(args.columns), aligned);
  });
  if (!by_column) return;
  const Index parts = blocks_of<Index>(args.rows, kPartSteps), part_size = parts * args.columns;
  double* weight_part = gpu_stream(stream).scratch<double>(1, 2 * part_size);
  double* bias_part = weight_part + part_size;
  launch("layer_norm_backward", layer_norm_columns_kernel<T>,
         {grid_of(parts * blocks_of<Index>(args.columns, kStrip)), kStripThreads}, stream, args.dy,
         args.x, args.mean, args.rstd, low, weight_part, bias_part, args.rows, args.columns);
  if (args.dweight)
    add_parts("layer_norm_backward", weight_part, args.dweight, 1, parts, args.columns, 1, stream);
  if (args.dbias)
    add_parts("layer_norm_backward", bias_part, args.dbias, 1, parts, args.columns, 1, stream);
}

OFER_INSTANTIATE_GPU(layer_norm, LayerNormArgs)
OFER_INSTANTIATE_GPU_BF16(layer_norm, LayerNormArgs)
OFER_INSTANTIATE_GPU(layer_norm_backward, LayerNormBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(layer_norm_backward, LayerNormBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
