// Layer norm, variant 1: one thread for a row, as the formula reads. Three walks along the row: the
// mean, the deviations, the results.
//
// What is wrong with it, for the encoder's 197 rows of 768 columns (605 KB in, 605 KB out):
// - 197 threads, on a device that holds 132 x 2,048: four blocks on four multiprocessors, two warps
//   each, and nothing to do while a load is on its way.
// - Neighbouring threads are a row apart, 3,072 bytes. A warp's load of 32 floats touches 32
//   sectors of 32 bytes, 1,024 bytes moved for 128 wanted. The seven other floats of each sector
//   are used by the next seven loads if the first-level cache still has them.
// - The row comes three times: 1.8 MB read where 0.6 would do.
// - Every sum is one chain of 768 additions, each waiting for the one before.
#include "bench/variants/layer_norm_row.cuh"

namespace ofer::kernels::OFER_GPU::variants {

namespace {

constexpr int kThreads = 64;

// x, y [rows, columns]. Thread r has row r.
__global__ void __launch_bounds__(kThreads)
    layer_norm_kernel(Global<const float> x, Global<const float> weight, Global<const float> bias,
                      Global<float> y, Global<float> mean, Global<float> rstd, Index rows,
                      Index columns, float eps) {
  const Index r = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
  if (r >= rows) return;
  const Global<const float> row = x + r * columns;

  float sum = 0;
  for (Index c = 0; c < columns; ++c) sum += row[c];
  const float high = sum / static_cast<float>(columns);

  float rest = 0, squares = 0;
  for (Index c = 0; c < columns; ++c) {
    const float deviation = row[c] - high;
    rest += deviation;
    squares += deviation * deviation;
  }
  const RowNorm norm(high, rest, squares, columns, eps);

  for (Index c = 0; c < columns; ++c) y[r * columns + c] = norm(row[c], weight[c], bias[c]);
  norm.keep(mean, rstd, r);
}

}  // namespace

void layer_norm_1_thread_per_row(const LayerNormArgs<float>& args, Stream& stream) {
  if (args.rows == 0 || args.columns == 0) return;
  launch("layer_norm variant 1", layer_norm_kernel,
         {grid_of(blocks_of<Index>(args.rows, kThreads)), kThreads}, stream, args.x, args.weight,
         args.bias, args.y, args.mean, args.rstd, args.rows, args.columns,
         static_cast<float>(args.eps));
}

}  // namespace ofer::kernels::OFER_GPU::variants
