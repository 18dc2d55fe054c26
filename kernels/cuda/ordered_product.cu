// C = A B^T + beta C + bias on the float units, each sum in the order of its terms.
#include "kernels/cuda/ordered_product.h"

#include <cmath>
#include <string>

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

// A warp's lanes stand in 4 x 8 and own every fourth row and every eighth column of the warp's
// part, rows x columns results each. A register takes 4 bytes of shared memory's 128 in a cycle,
// whoever else reads the same: what counts is how many products a lane makes of what it reads,
// against the number of blocks. Few rows want small tiles.
template <int warp_rows, int warp_columns, int rows, int columns, int depth, int stages, int blocks>
struct OrderedTile {
  static constexpr int kLaneRows = 4, kLaneColumns = kWarpSize / kLaneRows;
  static constexpr int kWarpColumns = warp_columns;
  static constexpr int kOwnRows = rows, kOwnColumns = columns;
  static constexpr int kWarpPartRows = kLaneRows * rows, kWarpPartColumns = kLaneColumns * columns;
  static constexpr int kRows = warp_rows * kWarpPartRows;
  static constexpr int kColumns = warp_columns * kWarpPartColumns;
  static constexpr int kThreads = warp_rows * warp_columns * kWarpSize, kBlocks = blocks;

  // Depth goes by in slabs, a few of them in shared memory at once. Four floats behind each line
  // put eight neighbouring lines' vectors into different banks.
  static constexpr int kDepth = depth, kStages = stages;
  static constexpr int kVectors = depth / 4, kLine = depth + 4;
  static constexpr int kSlab = (kRows + kColumns) * kLine;
  static constexpr int kShared = stages * kSlab;
  static_assert(kShared * sizeof(float) <= 99u << 10, "what every device of 8.0 and newer has");
  static constexpr int kLinesAtOnce = kThreads / kVectors;
  static_assert(kRows % kLinesAtOnce == 0 && kColumns % kLinesAtOnce == 0);
};

struct OrderedShape {
  Index m, n, k, lda, ldb, ldc;
  int column_tiles;
  bool add;  // C is added to
};

template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    ordered_product_kernel(Global<const float> a, Global<const float> b, Global<const float> bias,
                           Global<float> c, OrderedShape s) {
  OFER_SHARED_DYNAMIC(float, slabs, 0, Tile::kShared);
  const Index first_row = static_cast<Index>(blockIdx.x) / s.column_tiles * Tile::kRows;
  const Index first_column = static_cast<Index>(blockIdx.x) % s.column_tiles * Tile::kColumns;
  const int thread = threadIdx.x, lane = thread % kWarpSize, warp = thread / kWarpSize;
  const int slab_count = static_cast<int>(blocks_of<Index>(s.k, Tile::kDepth));

  // Starts bringing slab `number`, zeros where there is nothing: lines of A, then lines of B.
  const int line = thread / Tile::kVectors, vector = thread % Tile::kVectors * 4;
  const Index a_first = (first_row + line) * s.lda + vector, a_lines = Tile::kLinesAtOnce * s.lda;
  const Index b_first = (first_column + line) * s.ldb + vector;
  const Index b_lines = Tile::kLinesAtOnce * s.ldb;
  const int rows = static_cast<int>(min(s.m - first_row, Index{Tile::kRows})) - line;
  const int columns = static_cast<int>(min(s.n - first_column, Index{Tile::kColumns})) - line;
  const auto start = [&](int number) {
    if (number < slab_count) {
      const int to = number % Tile::kStages * Tile::kSlab + line * Tile::kLine + vector;
      const Index depth = static_cast<Index>(number) * Tile::kDepth;
      const bool there = depth + vector < s.k;
      Index from = a_first + depth;
#pragma unroll
      for (int r = 0; r < Tile::kRows; r += Tile::kLinesAtOnce, from += a_lines)
        copy_async<4>(slabs, to + r * Tile::kLine, a, from, there && r < rows);
      from = b_first + depth;
#pragma unroll
      for (int r = 0; r < Tile::kColumns; r += Tile::kLinesAtOnce, from += b_lines)
        copy_async<4>(slabs, to + (Tile::kRows + r) * Tile::kLine, b, from, there && r < columns);
    }
    copy_async_commit();
  };

  // The lane's first row and column in the block.
  const int row = warp / Tile::kWarpColumns * Tile::kWarpPartRows + lane / Tile::kLaneColumns;
  const int column = warp % Tile::kWarpColumns * Tile::kWarpPartColumns + lane % Tile::kLaneColumns;
  // Four steps of depth, those in use and the next ones.
  Vector<float, 4> left[2][Tile::kOwnRows], right[2][Tile::kOwnColumns];
  const auto load = [&](int number, int step, int place) {
    const int from = number % Tile::kStages * Tile::kSlab + step * 4;
#pragma unroll
    for (int i = 0; i < Tile::kOwnRows; ++i)
      left[place][i] = load_vector<4>(slabs, from + (row + i * Tile::kLaneRows) * Tile::kLine);
#pragma unroll
    for (int j = 0; j < Tile::kOwnColumns; ++j)
      right[place][j] = load_vector<4>(
          slabs, from + (Tile::kRows + column + j * Tile::kLaneColumns) * Tile::kLine);
  };

  for (int number = 0; number < Tile::kStages; ++number) start(number);
  copy_async_wait<Tile::kStages - 1>();
  __syncthreads();  // the first slab is there
  load(0, 0, 0);
  float sums[Tile::kOwnRows][Tile::kOwnColumns] = {};
  for (int number = 0; number < slab_count; ++number) {
#pragma unroll
    for (int step = 0; step < Tile::kVectors; ++step) {
      if (step + 1 < Tile::kVectors) {
        load(number, step + 1, (step + 1) % 2);
      } else {
        copy_async_wait<Tile::kStages - 2>();
        __syncthreads();  // the next slab is there, and this one is in everybody's registers
        start(number + Tile::kStages);
        if (number + 1 < slab_count) load(number + 1, 0, 0);
      }
      // Where the depth ends inside a slab, zeros change no sum.
#pragma unroll
      for (int e = 0; e < 4; ++e)
#pragma unroll
        for (int i = 0; i < Tile::kOwnRows; ++i)
#pragma unroll
          for (int j = 0; j < Tile::kOwnColumns; ++j)
            sums[i][j] = fmaf(left[step % 2][i][e], right[step % 2][j][e], sums[i][j]);
    }
  }

#pragma unroll
  for (int j = 0; j < Tile::kOwnColumns; ++j) {
    const Index to_column = first_column + column + j * Tile::kLaneColumns;
    if (to_column >= s.n) continue;
    const float offset = bias ? static_cast<float>(bias[to_column]) : 0.0f;
#pragma unroll
    for (int i = 0; i < Tile::kOwnRows; ++i) {
      const Index to_row = first_row + row + i * Tile::kLaneRows;
      if (to_row >= s.m) continue;
      const Index at = to_row * s.ldc + to_column;
      float sum = sums[i][j];
      if (s.add) sum += c[at];
      c[at] = bias ? sum + offset : sum;
    }
  }
}

template <class Tile>
void run(const Product<float>& p, Stream& stream) {
  const Index column_tiles = blocks_of<Index>(p.n, Tile::kColumns);
  const OrderedShape shape{
      p.m, p.n, p.k, p.lda, p.ldb, p.ldc, static_cast<int>(column_tiles), p.beta != 0};
  launch("ordered_product", ordered_product_kernel<Tile>,
         {grid_of(blocks_of<Index>(p.m, Tile::kRows) * column_tiles), Tile::kThreads,
          Tile::kShared * sizeof(float)},
         stream, p.a, p.b, p.bias, p.c, shape);
}

}  // namespace

void ordered_product(int tile, const Product<float>& product, Stream& stream) {
  static_assert(kOrderedTiles == 5);
  //                     warps own  depth stages blocks
  switch (tile) {
    case 0:
      return run<OrderedTile<2, 2, 2, 2, 64, 3, 4>>(product, stream);
    case 1:
      return run<OrderedTile<2, 2, 4, 2, 64, 3, 4>>(product, stream);
    case 2:
      return run<OrderedTile<2, 2, 4, 4, 64, 3, 2>>(product, stream);
    case 3:
      return run<OrderedTile<2, 2, 6, 4, 32, 4, 3>>(product, stream);
    case 4:
      return run<OrderedTile<2, 2, 8, 4, 32, 3, 3>>(product, stream);
  }
  throw DeviceError("ordered product: there is no tile number " + std::to_string(tile));
}

}  // namespace ofer::kernels::OFER_GPU
