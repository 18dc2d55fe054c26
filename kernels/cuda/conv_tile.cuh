// The inner product of a convolution: what a block multiplies once its operands are in shared
// memory, and which results are whose. Nothing here knows where the operands come from.
#pragma once

#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

template <class Tile>
struct FusedSums;

// How a block shares out kRows x kColumns results, kDepth steps at a time: kWarpRows rows of warps,
// kLaneRows rows of lanes in a warp. A thread's rows are runs of up to four neighbours, one run
// from each part of its warp's rows, so that the lanes of a warp together read whole lines of
// shared memory; its columns likewise. kBlocks: as many must fit a multiprocessor.
template <int rows, int columns, int depth, int threads, int warp_rows, int lane_rows, int blocks>
struct Tile {
  static constexpr int kRows = rows, kColumns = columns, kDepth = depth;
  static constexpr int kThreads = threads, kBlocks = blocks;
  static constexpr int kWarpRows = warp_rows, kWarpColumns = threads / kWarpSize / warp_rows;
  static constexpr int kLaneRows = lane_rows, kLaneColumns = kWarpSize / lane_rows;
  static constexpr int kMyRows = rows / (kWarpRows * kLaneRows);
  static constexpr int kMyColumns = columns / (kWarpColumns * kLaneColumns);
  static constexpr int kRowRun = kMyRows < 4 ? kMyRows : 4;
  static constexpr int kColumnRun = kMyColumns < 4 ? kMyColumns : 4;
  static_assert(kMyRows * kMyColumns * threads == rows * columns);

  // In shared memory a word is one element, and each step of the depth is a line of rows, then one
  // of columns. The padding keeps runs aligned and spreads the stores of threads that are
  // neighbours along the depth.
  using Word = float;
  static constexpr int kPair = 1, kWords = depth;
  static constexpr bool kLeftRuns = false;  // a row's words are not neighbours
  static constexpr int kLeftLine = rows + 4, kRightLine = columns + 4;
  static constexpr int kLeftWords = depth * kLeftLine;
  static constexpr int kStage = kLeftWords + depth * kRightLine;
  static constexpr int kStages = 2;
  static constexpr int kSharedBytes = kStages * kStage * static_cast<int>(sizeof(Word));
  __device__ static int left_place(int word, int row) { return word * kLeftLine + row; }
  __device__ static int right_place(int word, int column) { return word * kRightLine + column; }
  template <class E>
  __device__ static Word word(const E (&element)[1]) {
    return static_cast<float>(element[0]);
  }

  using Sums = FusedSums<Tile>;
  static_assert(threads % depth == 0 && threads % columns == 0);
};

// The thread's results, as fused multiply-adds of single floats. TensorSums
// (kernels/cuda/conv_tensor_tile.cuh) has the same functions and another idea of which results are
// a thread's.
template <class Tile>
struct FusedSums {
  float sums[Tile::kMyRows][Tile::kMyColumns] = {};
  int first_row, first_column;

  __device__ __forceinline__ FusedSums() {
    const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
    first_row = warp / Tile::kWarpColumns * (Tile::kRows / Tile::kWarpRows) +
                lane / Tile::kLaneColumns * Tile::kRowRun;
    first_column = warp % Tile::kWarpColumns * (Tile::kColumns / Tile::kWarpColumns) +
                   lane % Tile::kLaneColumns * Tile::kColumnRun;
  }
  __device__ __forceinline__ float value(int i, int j) const { return sums[i][j]; }
  // Its place in the tile.
  __device__ __forceinline__ int row(int i) const {
    return first_row + i / Tile::kRowRun * (Tile::kLaneRows * Tile::kRowRun) + i % Tile::kRowRun;
  }
  __device__ __forceinline__ int column(int j) const {
    return first_column + j / Tile::kColumnRun * (Tile::kLaneColumns * Tile::kColumnRun) +
           j % Tile::kColumnRun;
  }
  // sums += left^T right over the depth of one tile, in ascending order of k: whatever the tile, a
  // result is the same sum.
  __device__ __forceinline__ void multiply(Shared<float> left, Shared<float> right) {
#pragma unroll
    for (int k = 0; k < Tile::kDepth; ++k) {
      float a[Tile::kMyRows], b[Tile::kMyColumns];
#pragma unroll
      for (int i = 0; i < Tile::kMyRows; i += Tile::kRowRun) {
        const Vector<float, Tile::kRowRun> run =
            load_vector<Tile::kRowRun>(left, k * Tile::kLeftLine + row(i));
#pragma unroll
        for (int e = 0; e < Tile::kRowRun; ++e) a[i + e] = run[e];
      }
#pragma unroll
      for (int j = 0; j < Tile::kMyColumns; j += Tile::kColumnRun) {
        const Vector<float, Tile::kColumnRun> run =
            load_vector<Tile::kColumnRun>(right, k * Tile::kRightLine + column(j));
#pragma unroll
        for (int e = 0; e < Tile::kColumnRun; ++e) b[j + e] = run[e];
      }
#pragma unroll
      for (int i = 0; i < Tile::kMyRows; ++i)
#pragma unroll
        for (int j = 0; j < Tile::kMyColumns; ++j) sums[i][j] += a[i] * b[j];
    }
  }
};

}  // namespace ofer::kernels::OFER_GPU
