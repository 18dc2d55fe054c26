// What attention and its backward pass are made of: tiles of rows in shared memory, and the two
// products between them. A block of 128 threads stands in 8 x 16: thread (ty, tx) owns
// kRowsPerThread neighbouring rows of the block's own tile, and every sixteenth row tx, tx + 16,
// ... of the tile that passes by. So the 16 threads that share a row are half a warp: what is
// reduced along a row, or handed on from one product to the next, never leaves the warp.
//
// Both products are written for the float units; attention_tensor.cuh has its own for tensor cores,
// with rows owned as their fragments lie.
#pragma once

#include "kernels/cuda/load_floats.cuh"
#include "kernels/cuda/reduce_block.cuh"
#include "kernels/types.h"

namespace ofer::kernels::OFER_GPU {

constexpr int kAttentionThreads = 128;
constexpr int kRowThreads = 8;
constexpr int kColumnThreads = 16;

// Rows of more elements are cut into chunks of this width.
constexpr int kWidestTile = 256;

// Sizes for heads of at most kWidth elements.
template <int kWidth_, int kRowsPerThread>
struct AttentionTile {
  static constexpr int kWidth = kWidth_;
  static constexpr int kRows = kRowThreads * kRowsPerThread;  // of the block's own tile
  // Rows of the tile that passes by: fewer of wide ones, for the sake of shared memory.
  static constexpr int kPassPerThread = kWidth <= 64 ? 4 : 2;
  static constexpr int kPass = kColumnThreads * kPassPerThread;
  // Distance between rows: the four elements more let the 16 threads that read 16 neighbouring rows
  // at one column start in different banks.
  static constexpr int kStride = kWidth + 4;
  static constexpr int kWeightStride = kPass + 4;
  // Columns of a result row that one thread owns, in groups of kGroup neighbours.
  static constexpr int kColumns = kWidth / kColumnThreads;
  static constexpr int kGroup = kColumns < 4 ? kColumns : 4;
  // Floats of shared memory.
  static constexpr int kOwnFloats = kRows * kStride;
  static constexpr int kPassFloats = kPass * kStride;
  static constexpr int kWeightFloats = kRows * kWeightStride;

  // First column of group g of this thread's.
  __device__ static int column(int g) {
    return (g * kColumnThreads + static_cast<int>(threadIdx.x) % kColumnThreads) * kGroup;
  }
};

struct AttentionShape {
  Index rows;  // of all images
  int heads, width;
  int row_blocks;  // of the longest image
  int stride;      // of Segments
  int chunks;      // of kWidestTile columns, of one head
  float scale;
  bool vectors;  // rows may be read and written in vectors
};

// Which part of the work a block has. Blocks of one head of one image come one after the other, so
// that they share its keys and values through the second-level cache.
struct AttentionBlock {
  Index begin;  // first row of the image
  int tokens;   // of the image
  int head, chunk;
  int first, rows;  // the block's own rows, counted from `begin`; none for short images

  __device__ AttentionBlock(Global<const std::int32_t> offsets, const AttentionShape& shape,
                            int block_rows) {
    Index block = blockIdx.x;
    first = static_cast<int>(block % shape.row_blocks) * block_rows;
    block /= shape.row_blocks;
    head = static_cast<int>(block % shape.heads);
    block /= shape.heads;
    chunk = static_cast<int>(block % shape.chunks);
    const Index image = block / shape.chunks;
    begin = offsets[image * shape.stride];
    tokens = static_cast<int>(offsets[image * shape.stride + 1] - begin);
    rows = min(tokens - first, block_rows);
  }
  // Has this warp any of the rows?
  template <int kRowsPerThread>
  __device__ bool has_warp() const {
    constexpr int kWarpRows = kRowsPerThread * (kWarpSize / kColumnThreads);
    return static_cast<int>(threadIdx.x) / kWarpSize * kWarpRows < rows;
  }
};

// Rows [0, rows) and columns [0, columns) of a matrix whose first element is x[first] into a tile
// of kRows x kWidth; zeros for the rest.
template <int kRows, int kWidth, class T>
__device__ __forceinline__ void load_tile(Shared<float> tile, Global<const T> x, Index first,
                                          int row_stride, int rows, int columns, bool vectors) {
  constexpr int kVector = kVectorOf<T>;
  constexpr int kPerRow = kWidth / kVector;           // threads side by side
  constexpr int kStep = kAttentionThreads / kPerRow;  // rows at a time
  static_assert(kAttentionThreads % kPerRow == 0 && kVector % 4 == 0);
  const int column = static_cast<int>(threadIdx.x) % kPerRow * kVector;
  int row = static_cast<int>(threadIdx.x) / kPerRow;
  Index at = first + static_cast<Index>(row) * row_stride + column;
#pragma unroll 4
  for (; row < kRows; row += kStep, at += kStep * row_stride) {
    const Vector<float, kVector> values =
        load_floats<kVector, T>(x, at, row < rows ? columns - column : 0, vectors);
#pragma unroll
    for (int j = 0; j < kVector; j += 4) {
      const Vector<float, 4> part{values[j], values[j + 1], values[j + 2], values[j + 3]};
      store_vector<4>(tile, row * (kWidth + 4) + column + j, part);
    }
  }
}

// sums[r][c] += dot(row r of the thread's own in `own`, row 16 c + tx of `pass`) for c < kCount,
// over `depth` columns.
template <class Tile, int kCount, int kRowsPerThread>
__device__ __forceinline__ void dot_rows(Shared<float> own, Shared<float> pass, int depth,
                                         float (&sums)[kRowsPerThread][Tile::kPassPerThread]) {
  constexpr int kStride = Tile::kStride;
  const int tx = static_cast<int>(threadIdx.x) % kColumnThreads;
  const int ty = static_cast<int>(threadIdx.x) / kColumnThreads;
  // Two steps at a time hide the latency of the loads, where a step is too short to do so itself.
  constexpr bool kLongStep = kRowsPerThread * kCount >= 32 || Tile::kWidth > 64;
  [[maybe_unused]] constexpr int kUnroll = kLongStep ? 1 : 2;
#pragma unroll kUnroll
  for (int d = 0; d < depth; d += 4) {
    Vector<float, 4> b[kCount];
#pragma unroll
    for (int c = 0; c < kCount; ++c)
      b[c] = load_vector<4>(pass, (c * kColumnThreads + tx) * kStride + d);
#pragma unroll
    for (int r = 0; r < kRowsPerThread; ++r) {
      const Vector<float, 4> a = load_vector<4>(own, (ty * kRowsPerThread + r) * kStride + d);
#pragma unroll
      for (int c = 0; c < kCount; ++c)
#pragma unroll
        for (int i = 0; i < 4; ++i) sums[r][c] += a[i] * b[c][i];
    }
  }
}

// The same for a passing tile of `count` rows: where it is at most half or a quarter full (as 197
// keys end with 5), the rest is left out, and its sums stay as they are. A sum's own terms come in
// one order either way.
template <class Tile, int kRowsPerThread>
__device__ __forceinline__ void dot_tile(Shared<float> own, Shared<float> pass, int count,
                                         int depth,
                                         float (&sums)[kRowsPerThread][Tile::kPassPerThread]) {
  constexpr int kAll = Tile::kPassPerThread;
  static_assert(kAll == 2 || kAll == 4);
  if (count <= kColumnThreads)
    dot_rows<Tile, 1>(own, pass, depth, sums);
  else if (kAll == 4 && count <= 2 * kColumnThreads)
    dot_rows<Tile, 2>(own, pass, depth, sums);
  else
    dot_rows<Tile, kAll>(own, pass, depth, sums);
}

// weights[own row][16 c + tx] = values[r][c]. All lanes of the warp call it; the warp's threads may
// read the weights afterwards.
template <class Tile, int kRowsPerThread>
__device__ __forceinline__ void store_weights(
    Shared<float> weights, const float (&values)[kRowsPerThread][Tile::kPassPerThread]) {
  const int tx = static_cast<int>(threadIdx.x) % kColumnThreads;
  const int ty = static_cast<int>(threadIdx.x) / kColumnThreads;
  __syncwarp();  // those of before have been read
#pragma unroll
  for (int r = 0; r < kRowsPerThread; ++r)
#pragma unroll
    for (int c = 0; c < Tile::kPassPerThread; ++c)
      weights[(ty * kRowsPerThread + r) * Tile::kWeightStride + c * kColumnThreads + tx] =
          values[r][c];
  __syncwarp();
}

// result[r][.] += sum over j < count of weights[own row r][j] pass[j][the thread's columns].
// Weights from `count` up to the next multiple of four are zeros.
template <class Tile, int kRowsPerThread>
__device__ __forceinline__ void add_weighted(Shared<float> weights, Shared<float> pass, int count,
                                             float (&result)[kRowsPerThread][Tile::kColumns]) {
  constexpr int kGroup = Tile::kGroup, kGroups = Tile::kColumns / kGroup;
  const int ty = static_cast<int>(threadIdx.x) / kColumnThreads;
#pragma unroll 1
  for (int j = 0; j < count; j += 4) {
    Vector<float, 4> w[kRowsPerThread];
#pragma unroll
    for (int r = 0; r < kRowsPerThread; ++r)
      w[r] = load_vector<4>(weights, (ty * kRowsPerThread + r) * Tile::kWeightStride + j);
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int g = 0; g < kGroups; ++g) {
        const Vector<float, kGroup> v =
            load_vector<kGroup>(pass, (j + i) * Tile::kStride + Tile::column(g));
#pragma unroll
        for (int r = 0; r < kRowsPerThread; ++r)
#pragma unroll
          for (int k = 0; k < kGroup; ++k) result[r][g * kGroup + k] += w[r][i] * v[k];
      }
  }
}

// y[first + own row * row_stride + column] = result, for the rows and columns that exist.
template <class Tile, class T, int kRowsPerThread>
__device__ __forceinline__ void store_rows(Global<T> y, Index first, int row_stride, int rows,
                                           int columns, bool vectors,
                                           const float (&result)[kRowsPerThread][Tile::kColumns]) {
  constexpr int kGroup = Tile::kGroup;
  const int ty = static_cast<int>(threadIdx.x) / kColumnThreads;
#pragma unroll
  for (int r = 0; r < kRowsPerThread; ++r) {
    const int row = ty * kRowsPerThread + r;
    if (row >= rows) continue;
#pragma unroll
    for (int g = 0; g < Tile::kColumns / kGroup; ++g) {
      const int column = Tile::column(g);
      const Index at = first + static_cast<Index>(row) * row_stride + column;
      if (vectors && column < columns) {
        Vector<T, kGroup> stored;
#pragma unroll
        for (int k = 0; k < kGroup; ++k) stored[k] = T(result[r][g * kGroup + k]);
        store_vector<kGroup>(y, at, stored);
      } else {
#pragma unroll
        for (int k = 0; k < kGroup; ++k)
          if (column + k < columns) y[at + k] = T(result[r][g * kGroup + k]);
      }
    }
  }
}

// Over the 16 threads that share rows; all lanes of the warp call it.
__device__ __forceinline__ float row_sum(float value) {
#pragma unroll
  for (int lane_mask = kColumnThreads / 2; lane_mask > 0; lane_mask /= 2)
    value += __shfl_xor_sync(kAllLanes, value, lane_mask);
  return value;
}
__device__ __forceinline__ float row_max(float value) {
#pragma unroll
  for (int lane_mask = kColumnThreads / 2; lane_mask > 0; lane_mask /= 2)
    value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, lane_mask));
  return value;
}

// Calls use(width, whole, split) with compile-time constants for heads of `width` elements: the
// narrowest tile that holds them, whether they fill it, and whether they are cut into chunks.
template <int kValue>
struct Constant {
  static constexpr int value = kValue;
};
template <class F>
void with_head_width(Index width, const F& use) {
  if (width == 32)
    use(Constant<32>{}, Constant<true>{}, Constant<false>{});
  else if (width == 64)
    use(Constant<64>{}, Constant<true>{}, Constant<false>{});
  else if (width < 32)
    use(Constant<32>{}, Constant<false>{}, Constant<false>{});
  else if (width < 64)
    use(Constant<64>{}, Constant<false>{}, Constant<false>{});
  else if (width <= 128)
    use(Constant<128>{}, Constant<false>{}, Constant<false>{});
  else if (width <= kWidestTile)
    use(Constant<kWidestTile>{}, Constant<false>{}, Constant<false>{});
  else
    use(Constant<kWidestTile>{}, Constant<false>{}, Constant<true>{});
}

}  // namespace ofer::kernels::OFER_GPU
