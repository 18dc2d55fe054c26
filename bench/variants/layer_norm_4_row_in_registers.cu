// Layer norm, variant 4: the row is read once, in vectors of four, and stays in registers.
//
// Against variant 3, for 768 columns:
// - 768 floats over 32 lanes are 24 registers a lane. The second and third walk read no memory at
//   all: the row's 3 KB are loaded once, not three times.
// - Four floats at a time: 6 loads and 6 stores a lane where there were 3 x 24 and 24. All loads
//   stand before the first use, so their latencies pass together.
// - Memory is then what bounds it: 605 KB in and 605 KB out for 197 rows is the least there is.
// A row of more than 1,024 columns does not fit: what lies beyond is read again for every walk.
//
// Beyond it the production kernel (kernels/cuda/layer_norm.cu)
// - has as many registers as the row wants (256, 512, 768 or 1,024 columns), so that none stand
//   empty and no bound is tested on the way;
// - loads weight and bias along with the row, so that their latency is not waited for on its own;
// - gives rows of more than 1,024 columns a block, and adds them in double;
// - reads and writes bfloat16 too, eight elements to a vector.
#include "bench/variants/layer_norm_row.cuh"
#include "kernels/cuda/load_floats.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU::variants {

namespace {

constexpr int kVector = 4;
constexpr int kHeld = 8;  // vectors of a lane: 32 lanes x 8 x 4 = 1,024 columns
constexpr int kRows = 2;  // of a block
constexpr int kThreads = kRows * kWarpSize;

// x, y [rows, columns]. Warp r has row r; lane l the vectors l, l + 32, ... of it. `vectors`: they
// may be moved whole. Which lane has which column does not depend on that, so neither do the bits.
__global__ void __launch_bounds__(kThreads)
    layer_norm_kernel(Global<const float> x, Global<const float> weight, Global<const float> bias,
                      Global<float> y, Global<float> mean, Global<float> rstd, Index rows,
                      Index columns, float eps, bool vectors) {
  constexpr int kStep = kWarpSize * kVector;
  const int lane = threadIdx.x % kWarpSize;
  const Index r = static_cast<Index>(blockIdx.x) * kRows + threadIdx.x / kWarpSize;
  if (r >= rows) return;

  const auto load = [&](Index c) {
    return load_floats<kVector, float>(x, r * columns + c, columns - c, vectors);
  };
  Vector<float, kVector> held[kHeld];
#pragma unroll
  for (int k = 0; k < kHeld; ++k) held[k] = load(k * kStep + lane * kVector);
  // Calls visit(vector, its first column) for each of the lane's.
  const auto for_each = [&](const auto& visit) {
#pragma unroll
    for (int k = 0; k < kHeld; ++k) visit(held[k], k * kStep + lane * kVector);
    for (Index c = kHeld * kStep + lane * kVector; c < columns; c += kStep) visit(load(c), c);
  };

  float sum = 0;
  for_each([&](const Vector<float, kVector>& v, Index) {
    for (int i = 0; i < kVector; ++i) sum += v[i];  // zeros beyond the row
  });
  const float high = warp_sum(sum) / static_cast<float>(columns);

  float rest = 0, squares = 0;
  for_each([&](const Vector<float, kVector>& v, Index c) {
    for (int i = 0; i < kVector; ++i) {
      const float deviation = c + i < columns ? v[i] - high : 0.0f;
      rest += deviation;
      squares += deviation * deviation;
    }
  });
  rest = warp_sum(rest);
  squares = warp_sum(squares);
  const RowNorm norm(high, rest, squares, columns, eps);

  for_each([&](const Vector<float, kVector>& v, Index c) {
    const Vector<float, kVector> w = load_floats<kVector, float>(weight, c, columns - c, vectors),
                                 b = load_floats<kVector, float>(bias, c, columns - c, vectors);
    Vector<float, kVector> result;
    for (int i = 0; i < kVector; ++i) result[i] = norm(v[i], w[i], b[i]);
    store_floats<kVector, float>(y, r * columns + c, columns - c, vectors, result);
  });
  if (lane == 0) norm.keep(mean, rstd, r);
}

}  // namespace

void layer_norm_4_row_in_registers(const LayerNormArgs<float>& args, Stream& stream) {
  if (args.rows == 0 || args.columns == 0) return;
  const bool vectors =
      rows_in_vectors(args.x, args.columns) && rows_in_vectors(args.y, args.columns) &&
      rows_in_vectors(args.weight, args.columns) && rows_in_vectors(args.bias, args.columns);
  launch("layer_norm variant 4", layer_norm_kernel,
         {grid_of(blocks_of<Index>(args.rows, kRows)), kThreads}, stream, args.x, args.weight,
         args.bias, args.y, args.mean, args.rstd, args.rows, args.columns,
         static_cast<float>(args.eps), vectors);
}

}  // namespace ofer::kernels::OFER_GPU::variants
