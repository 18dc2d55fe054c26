// Layer norm, variant 3: one warp for a row, sums by shuffles.
//
// Against variant 2, for 768 columns:
// - The lanes of a warp run together, so they hand their numbers from register to register: 5
//   shuffles for a sum, no shared memory and no barrier, where 24 steps of trees had one each.
// - Two rows to a block of 64 threads: 99 blocks for 197 rows. Rows do not wait for each other.
// - 24 columns a lane: 24 independent loads can be under way where a thread of variant 2 had three.
//   The additions of a lane are a chain of 24, and then 5.
// What remains: the row comes three times from the first-level cache, four bytes a lane and load.
#include "bench/variants/layer_norm_row.cuh"

namespace ofer::kernels::OFER_GPU::variants {

namespace {

constexpr int kLanes = 32;
constexpr int kRows = 2;  // of a block
constexpr int kThreads = kRows * kLanes;

// Over the warp; every lane receives it. After the step of lane_mask every lane has the sum of
// the lanes that differ from it in the bits of lane_mask and above.
__device__ float shuffled_sum(float value) {
  for (int lane_mask = kLanes / 2; lane_mask > 0; lane_mask /= 2)
    value += __shfl_xor_sync(0xffffffffu, value, lane_mask);
  return value;
}

// x, y [rows, columns]. Warp r, counted over the grid, has row r; there is no barrier of the block,
// so a warp without a row may end.
__global__ void __launch_bounds__(kThreads)
    layer_norm_kernel(Global<const float> x, Global<const float> weight, Global<const float> bias,
                      Global<float> y, Global<float> mean, Global<float> rstd, Index rows,
                      Index columns, float eps) {
  const int lane = threadIdx.x % kLanes;
  const Index r = static_cast<Index>(blockIdx.x) * kRows + threadIdx.x / kLanes;
  if (r >= rows) return;
  const Global<const float> row = x + r * columns;

  float sum = 0;
  for (Index c = lane; c < columns; c += kLanes) sum += row[c];
  const float high = shuffled_sum(sum) / static_cast<float>(columns);

  float rest = 0, squares = 0;
  for (Index c = lane; c < columns; c += kLanes) {
    const float deviation = row[c] - high;
    rest += deviation;
    squares += deviation * deviation;
  }
  rest = shuffled_sum(rest);
  squares = shuffled_sum(squares);
  const RowNorm norm(high, rest, squares, columns, eps);

  for (Index c = lane; c < columns; c += kLanes)
    y[r * columns + c] = norm(row[c], weight[c], bias[c]);
  if (lane == 0) norm.keep(mean, rstd, r);
}

}  // namespace

void layer_norm_3_warp_per_row(const LayerNormArgs<float>& args, Stream& stream) {
  if (args.rows == 0 || args.columns == 0) return;
  launch("layer_norm variant 3", layer_norm_kernel,
         {grid_of(blocks_of<Index>(args.rows, kRows)), kThreads}, stream, args.x, args.weight,
         args.bias, args.y, args.mean, args.rstd, args.rows, args.columns,
         static_cast<float>(args.eps));
}

}  // namespace ofer::kernels::OFER_GPU::variants
