// One block's part of a convolution's matrix product, in three pieces:
//   loaders   gather tiles of both operands into shared memory (kernels/cuda/conv_loader.cuh)
//   sums      multiplies two tiles in shared memory and keeps the block's part of the result in
//             registers, as floats (kernels/cuda/conv_tile.cuh, conv_tensor_tile.cuh)
//   kernel    walks the depth, the next tile on its way while this one is multiplied, and stores
// What an element is in shared memory, and where, is the tile's to say: it counts in words, each of
// kPair elements that are neighbours along the depth.
#pragma once

#include "kernels/cuda/conv_loader.cuh"
#include "kernels/cuda/conv_tensor_tile.cuh"
#include "kernels/cuda/conv_tile.cuh"

namespace ofer::kernels::OFER_GPU {

// How a call's work is cut into blocks.
struct Cut {
  Index chunk;    // depth of one split
  Index results;  // of the call: elements between two splits' partial sums
  int row_tiles, column_tiles, phases;
  bool runs;  // four neighbouring columns, from a multiple of four on, are aligned neighbours in y
};

// result[target(column) + row target_row] = bias[row] + sum over k of one chunk. Lanes hold columns
// in runs, so whole vectors go out where the results lie that way.
template <class Out, class Tile>
__device__ __forceinline__ void store_sums(const typename Tile::Sums& sums, Global<Out> result,
                                           Shared<Index> targets, Index target_row, int rows,
                                           int columns, bool runs, Global<const Out> bias,
                                           int first_row) {
  constexpr int kRun = Tile::kColumnRun;
#pragma unroll
  for (int i = 0; i < Tile::kMyRows; ++i) {
    const int row = sums.row(i);
    if (row >= rows) continue;
    const float offset = bias ? static_cast<float>(bias[first_row + row]) : 0.0f;
    const Index row_at = static_cast<Index>(first_row + row) * target_row;
#pragma unroll
    for (int j = 0; j < Tile::kMyColumns; j += kRun) {
      const int column = sums.column(j);
      if (kRun > 1 && runs) {
        Vector<Out, kRun> run;
#pragma unroll
        for (int e = 0; e < kRun; ++e) run[e] = Out(sums.value(i, j + e) + offset);
        if (column < columns)
          store_vector<kRun>(result, static_cast<Index>(targets[column]) + row_at, run);
      } else {
#pragma unroll
        for (int e = 0; e < kRun; ++e)
          if (column + e < columns)
            result[static_cast<Index>(targets[column + e]) + row_at] =
                Out(sums.value(i, j + e) + offset);
      }
    }
  }
}

// Blocks are numbered so that those that run together share operands: the rows of a column tile
// first (they gather the same elements), then the phases (their weights share memory sectors), then
// the columns, last the splits. With `partial`, the sums of a split go there, in the layout of y,
// for sum_splits_kernel; without, y is written. Left: LeftElements, or LeftRuns where it may be.
template <class T, class Tile, class Left, class Products>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    conv_product_kernel(Global<const T> left, Global<const T> right, Global<const T> bias,
                        Global<T> y, Global<float> partial, Products products, Cut cut,
                        Activation activation, float slope) {
  using Product = typename Products::Product;
  using TermPlace = typename Product::TermPlace;
  using ColumnPlace = typename Product::ColumnPlace;
  constexpr int kDepth = Tile::kDepth, kStages = Tile::kStages;
  // A warp works out the terms of several steps at once.
  constexpr int kTermSteps = kWarpSize / kDepth;
  static_assert(kTermSteps * kDepth == kWarpSize);
  using Word = typename Tile::Word;
  OFER_SHARED_DYNAMIC(Word, tiles, 0, Tile::kSharedBytes / sizeof(Word));
  OFER_SHARED(Product, products_of_block, 1);
  OFER_SHARED(ColumnPlace, columns, Tile::kColumns);
  OFER_SHARED(Index, targets, Tile::kColumns);
  OFER_SHARED(TermPlace, right_terms, 2 * kWarpSize);
  OFER_SHARED(Index, left_terms, 2 * kWarpSize);

  unsigned number = blockIdx.x;
  const int row_tile = static_cast<int>(number % cut.row_tiles);
  number /= cut.row_tiles;
  const int phase = static_cast<int>(number % cut.phases);
  number /= cut.phases;
  const Index first_column = static_cast<Index>(number % cut.column_tiles) * Tile::kColumns;
  const Index split = number / cut.column_tiles;
  const Index first_k = split * cut.chunk;
  const int thread = threadIdx.x;
  if (thread == 0) {
    Product mine = products.product(phase);
    mine.start(first_column, first_k);
    products_of_block[0] = mine;
  }
  __syncthreads();
  const Product product = products_of_block[0];
  if (first_column >= product.columns) return;  // a phase with fewer positions than the first
  const int first_row = row_tile * Tile::kRows;
  const int my_rows = product.rows - first_row;
  const int my_columns =
      static_cast<int>(min(product.columns - first_column, Index(Tile::kColumns)));
  const int depth = static_cast<int>(min(cut.chunk, max(product.depth - first_k, Index(0))));

  // What the k of steps kTermSteps b .. kTermSteps (b + 1) stand for, into half b of the tables.
  // Only here is the whole description wanted, so it stays in shared memory.
  const auto note_terms = [&](int b) {
    if (thread >= kWarpSize) return;
    const int k = b * kWarpSize + thread, at = b % 2 * kWarpSize + thread;
    Term<TermPlace> term{-1, {0, kOutside, 0}};
    if (k < depth) term = static_cast<Product>(products_of_block[0]).term(k);
    left_terms[at] = term.left;
    right_terms[at] = term.right;
  };
  note_terms(0);
  note_terms(1);
  if (thread < Tile::kColumns) {
    Column<ColumnPlace> column{0, {0, kOutside, 0}};
    if (thread < my_columns) column = product.column(thread);
    columns[thread] = column.right;
    targets[thread] = column.target;
  }
  __syncthreads();

  Left left_stage;
  Right<T, Tile, Product> right_stage;
  const int left_row = Left::first_row();
  const Index row_offset = static_cast<Index>(first_row + left_row) * product.left_row;
  const auto fetch = [&](int step) {
    const int at = step % (2 * kTermSteps) * kDepth;
    left_stage.fetch(left, left_terms + at, row_offset, product.left_row, my_rows - left_row);
    right_stage.fetch(right, product.gather, right_terms + at, columns);
  };
  const auto store = [&](int step) {
    const Shared<Word> stage = tiles + step % kStages * Tile::kStage;
    left_stage.store(stage);
    right_stage.store(stage + Tile::kLeftWords, activation, slope);
  };

  typename Tile::Sums sums;
  const int steps = blocks_of(depth, kDepth);
  if (steps > 0) {
    fetch(0);
    store(0);
  }
  __syncthreads();
  for (int step = 0; step < steps; ++step) {
    if (step + 1 < steps) fetch(step + 1);
    // Once the next step is the first of its half, the last barrier was behind all of the other.
    if ((step + 1) % kTermSteps == 0) note_terms((step + 1) / kTermSteps + 1);
    const Shared<Word> stage = tiles + step % kStages * Tile::kStage;
    sums.multiply(stage, stage + Tile::kLeftWords);
    if (step + 1 < steps) store(step + 1);
    __syncthreads();
  }

  if (partial) {
    const Global<const float> no_bias = nullptr;
    store_sums<float, Tile>(sums, partial + split * cut.results, targets, product.target_row,
                            my_rows, my_columns, cut.runs, no_bias, first_row);
  } else {
    store_sums<T, Tile>(sums, y, targets, product.target_row, my_rows, my_columns, cut.runs, bias,
                        first_row);
  }
}

}  // namespace ofer::kernels::OFER_GPU
