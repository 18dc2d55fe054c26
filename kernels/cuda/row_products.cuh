// Products whose rows are each computed apart: a linear map of single rows (an image's one feature
// vector), and a linear map of its own for every position. A library would want a matrix of rows,
// and an image's bits would then depend on how many images stand in it.
#pragma once

#include "kernels/cuda/linear_end.cuh"
#include "kernels/cuda/load_floats.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

struct RowProducts {
  Index rows, positions;
  int in, out;
  bool vectors;  // rows of x and of the weights may be read in vectors
};

constexpr int kRowProductThreads = 256;
constexpr int kRowProductWarps = kRowProductThreads / kWarpSize;
// Sums at least this long are shared out among the warps of a block: one warp would take them
// through hundreds of loads, each waiting for memory. The choice depends on `in` alone.
constexpr Index kLongSum = 8192;

// y[n, l, o] = end(sum over i of x[n, l, i] W[l, o, i]), x [rows, positions, in],
// W [positions, out, in], y [rows, positions, out].
//
// kWarps warps (1 or all of the block) compute a tile of kTileRows x kTileOut sums: lane j of warp
// w takes i in vectors from (32 w + j) kVector on, so that every load of a row is coalesced and
// each loaded value serves the whole tile. Then the lanes' sums are added, then the warps', in a
// fixed order. With one warp to a tile, the block's warps stand side by side in the columns of W:
// they share their rows of x through the first-level cache.
template <class T, int kWarps, int kTileRows, int kTileOut>
__global__ void __launch_bounds__(kRowProductThreads)
    row_products_kernel(Global<const T> x, Global<const T> weight, Global<const T> bias,
                        Global<const T> residual, Global<T> y, Global<T> pre, RowProducts shape,
                        LinearEnd end) {
  static_assert(kWarps == 1 || kWarps == kRowProductWarps);
  constexpr int kVector = kVectorOf<T>;
  constexpr int kSums = kTileRows * kTileOut;
  static_assert(kSums <= kWarpSize);
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  const Index row_tiles = blocks_of<Index>(shape.rows, kTileRows);
  const Index out_tiles = blocks_of<Index>(shape.out, kTileOut);
  const Index tile = static_cast<Index>(blockIdx.x) * (kRowProductWarps / kWarps) + warp / kWarps;
  if (tile >= shape.positions * row_tiles * out_tiles)
    return;  // the whole warp, or the whole block
  const Index out0 = tile % out_tiles * kTileOut;
  const Index row0 = tile / out_tiles % row_tiles * kTileRows;
  const Index position = tile / out_tiles / row_tiles;

  float sums[kTileRows][kTileOut] = {};
  for (int i = (warp % kWarps * kWarpSize + lane) * kVector; i < shape.in;
       i += kWarps * kWarpSize * kVector) {
    Vector<float, kVector> w[kTileOut];
#pragma unroll
    for (int o = 0; o < kTileOut; ++o)
      w[o] = load_floats<kVector, T>(weight, (position * shape.out + out0 + o) * shape.in + i,
                                     out0 + o < shape.out ? shape.in - i : 0, shape.vectors);
#pragma unroll
    for (int r = 0; r < kTileRows; ++r) {
      if (row0 + r >= shape.rows) continue;
      const Vector<float, kVector> a = load_floats<kVector, T>(
          x, ((row0 + r) * shape.positions + position) * shape.in + i, shape.in - i, shape.vectors);
#pragma unroll
      for (int o = 0; o < kTileOut; ++o)
#pragma unroll
        for (int j = 0; j < kVector; ++j) sums[r][o] += a[j] * w[o][j];
    }
  }

  // Lane r kTileOut + o keeps the sum of (r, o).
  float mine = 0;
#pragma unroll
  for (int r = 0; r < kTileRows; ++r)
#pragma unroll
    for (int o = 0; o < kTileOut; ++o) {
      const float sum = warp_sum(sums[r][o]);
      if (lane == r * kTileOut + o) mine = sum;
    }
  if constexpr (kWarps > 1) {
    OFER_SHARED(float, partial, kWarps * kSums);
    if (lane < kSums) partial[warp * kSums + lane] = mine;
    __syncthreads();
    if (warp != 0) return;
    if (lane < kSums) {
      mine = 0;
      for (int w = 0; w < kWarps; ++w) mine += partial[w * kSums + lane];
    }
  }
  const Index n = row0 + lane / kTileOut, o = out0 + lane % kTileOut;
  if (lane < kSums && n < shape.rows && o < shape.out)
    finish_linear<T>(mine, (n * shape.positions + position) * shape.out + o, o, bias, residual, y,
                     pre, end);
}

// bias, residual and pre may be null.
template <class T>
void row_products(const T* x, const T* weight, const T* bias, const T* residual, T* y, T* pre,
                  RowProducts shape, LinearEnd end, Stream& stream) {
  shape.vectors = rows_in_vectors(x, shape.in) && rows_in_vectors(weight, shape.in);
  const auto run = [&](auto kernel, int warps, int tile_rows, int tile_out) {
    const Index tiles = shape.positions * blocks_of<Index>(shape.rows, tile_rows) *
                        blocks_of<Index>(shape.out, tile_out);
    launch("row_products", kernel,
           {grid_of(blocks_of<Index>(tiles, kRowProductWarps / warps)), kRowProductThreads}, stream,
           x, weight, bias, residual, y, pre, shape, end);
  };
  if (shape.in >= kLongSum)
    run(row_products_kernel<T, kRowProductWarps, 1, 1>, kRowProductWarps, 1, 1);
  else
    run(row_products_kernel<T, 1, 4, 4>, 1, 4, 4);
}

}  // namespace ofer::kernels::OFER_GPU
