// Layer norm, variant 2: one block for a row, sums by a tree in shared memory.
//
// Against variant 1, for 197 rows of 768 columns:
// - Thread t takes the columns t, t + 256, t + 512, so a warp's 32 floats are neighbours: four
//   sectors where 32 were touched. Each byte that is moved is used at once.
// - 197 blocks of 256 threads: every one of 132 multiprocessors has one or two, 50,432 threads
//   where there were 197.
// - A thread adds three numbers, then the tree adds 256 in 8 steps: 11 additions wait for each
//   other, not 768.
// What it pays: a barrier behind every step of the tree, 8 for each of three sums. The row still
// comes three times, now from the first-level cache: a block's 3 KB stay there.
#include "bench/variants/layer_norm_row.cuh"

namespace ofer::kernels::OFER_GPU::variants {

namespace {

constexpr int kThreads = 256;

// Over the block; all of its threads call it and receive the sum. At each step the lower half takes
// what the upper half has, so the order depends on the number of threads alone.
__device__ float tree_sum(float value) {
  OFER_SHARED(float, partial, kThreads);
  const int t = threadIdx.x;
  __syncthreads();  // the sum of before has been read
  partial[t] = value;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (t < half) partial[t] += partial[t + half];
    __syncthreads();
  }
  return partial[0];
}

// x, y [rows, columns]. Block r has row r.
__global__ void __launch_bounds__(kThreads)
    layer_norm_kernel(Global<const float> x, Global<const float> weight, Global<const float> bias,
                      Global<float> y, Global<float> mean, Global<float> rstd, Index columns,
                      float eps) {
  const Index r = blockIdx.x;
  const Global<const float> row = x + r * columns;

  float sum = 0;
  for (Index c = threadIdx.x; c < columns; c += kThreads) sum += row[c];
  const float high = tree_sum(sum) / static_cast<float>(columns);

  float rest = 0, squares = 0;
  for (Index c = threadIdx.x; c < columns; c += kThreads) {
    const float deviation = row[c] - high;
    rest += deviation;
    squares += deviation * deviation;
  }
  rest = tree_sum(rest);
  squares = tree_sum(squares);
  const RowNorm norm(high, rest, squares, columns, eps);

  for (Index c = threadIdx.x; c < columns; c += kThreads)
    y[r * columns + c] = norm(row[c], weight[c], bias[c]);
  if (threadIdx.x == 0) norm.keep(mean, rstd, r);
}

}  // namespace

void layer_norm_2_block_per_row(const LayerNormArgs<float>& args, Stream& stream) {
  if (args.rows == 0 || args.columns == 0) return;
  launch("layer_norm variant 2", layer_norm_kernel, {grid_of(args.rows), kThreads}, stream, args.x,
         args.weight, args.bias, args.y, args.mean, args.rstd, args.columns,
         static_cast<float>(args.eps));
}

}  // namespace ofer::kernels::OFER_GPU::variants
