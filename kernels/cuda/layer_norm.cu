// Layer norm on a GPU: one warp for a row, so that both sums of a row stay in registers.
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

// Eight warps: enough rows in flight for a multiprocessor, few enough that small batches still fill
// many of them.
constexpr int kThreads = 256;
constexpr int kRowsPerBlock = kThreads / kWarpSize;

// Row r = 8 block + warp. Lane l takes columns l, l + 32, ...; the row is read three times, of which
// the second and third come from the first-level cache (768 columns are 3 KiB). Mean first, then the
// sum of squared deviations: a one-pass variance loses everything when the mean is large.
template <class T>
__global__ void __launch_bounds__(kThreads)
    layer_norm_kernel(Global<const T> x, Global<const T> weight, Global<const T> bias, Global<T> y,
                      Global<T> mean, Global<T> rstd, Index rows, int columns, float eps) {
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  const Index r = static_cast<Index>(blockIdx.x) * kRowsPerBlock + warp;
  if (r >= rows) return;
  const Index first = r * columns;
  float sum = 0;
  for (int c = lane; c < columns; c += kWarpSize) sum += static_cast<float>(x[first + c]);
  const float average = warp_sum(sum) / static_cast<float>(columns);
  float squares = 0;
  for (int c = lane; c < columns; c += kWarpSize) {
    const float deviation = static_cast<float>(x[first + c]) - average;
    squares += deviation * deviation;
  }
  const float variance = warp_sum(squares) / static_cast<float>(columns);
  const float scale = 1.0f / sqrtf(variance + eps);
  for (int c = lane; c < columns; c += kWarpSize) {
    const float normal = (static_cast<float>(x[first + c]) - average) * scale;
    y[first + c] = T(normal * static_cast<float>(weight[c]) + static_cast<float>(bias[c]));
  }
  if (lane == 0) {
    if (mean) mean[r] = T(average);
    if (rstd) rstd[r] = T(scale);
  }
}

}  // namespace

template <class T>
void layer_norm(const LayerNormArgs<T>& args, Stream& stream) {
  if (args.rows == 0 || args.columns == 0) return;
  launch("layer_norm", layer_norm_kernel<T>,
         {grid_of(blocks_of<Index>(args.rows, kRowsPerBlock)), kThreads}, stream, args.x,
         args.weight, args.bias, args.y, args.mean, args.rstd, args.rows,
         static_cast<int>(args.columns), static_cast<float>(args.eps));
}

OFER_INSTANTIATE_GPU(layer_norm, LayerNormArgs)

}  // namespace ofer::kernels::OFER_GPU
