// Attention on tensor cores: what attention_kernel (kernels/cuda/attention.cu) is for fused
// multiply-adds, with the products of a warp of kernels/cuda/ptx.cuh. Floats are rounded to tf32,
// bfloat16 is multiplied as it is; sums and the softmax are floats.
//
// A warp owns 16 queries. Their scores with 8 keys, and 8 columns of their results, are each the
// accumulator of a product, in which lane (g, t) holds parts of rows g and g + 8. Which key or
// column a product calls which is ours to choose, so that no number has to change lanes between
// the two products:
//   - in bfloat16 the weights of 16 keys, packed in pairs, are the next fragment as they lie;
//   - in tf32 they are if what P V calls keys t and t + 4 are keys 2 t and 2 t + 1.
#pragma once

#include <cstdint>

#include "kernels/attention.h"
#include "kernels/cuda/attention_tile.cuh"
#include "kernels/cuda/ptx.cuh"

namespace ofer::kernels::OFER_GPU {

// Queries of a warp: the rows of a product.
constexpr int kWarpQueries = 16;
// The widest heads whose queries and results fit a warp's registers.
constexpr int kWidestTensorHead = 128;

// Sizes for heads of at most kWidth elements, kept as type T. A word is four bytes.
template <class T, int kWidth_>
struct AttentionTensorTile {
  static constexpr int kWidth = kWidth_;
  static constexpr int kPair = 4 / static_cast<int>(sizeof(T));  // elements of a word
  static constexpr int kVector = kVectorOf<T>;
  static constexpr int kVectors = kWidth / kVector;  // of a row
  // Four words more than a row: eight rows' vectors at one column start in different banks.
  static constexpr int kStride = kWidth + kVector;
  // Keys that pass by at once, and those of them that a warp takes in at once: as many scores as
  // there are registers to spare.
  static constexpr int kKeys = kPair == 2 || kWidth == 32 ? 64 : 32;
  static constexpr int kTake = kWidth == 32 ? 64 : 32;
  static constexpr int kElements = kKeys * kStride;
  // Products of eight words' depth in a score; of eight columns in a result.
  static constexpr int kSteps = kWidth / kPair / 8;
  static constexpr int kColumnTiles = kWidth / 8;
  // The 13 parts of 197 tokens are shared out between two blocks. Two blocks to a multiprocessor
  // leave a thread 128 registers, and all it can have where heads are wide.
  static constexpr int kMostWarps = kWidth <= 64 ? 7 : 4;
  static constexpr int kBlocks = 2;
  // Keys and values, those in use and the next.
  static constexpr int kSharedBytes = 4 * kElements * static_cast<int>(sizeof(T));

  // How many keys of a tile of which `keys` exist are multiplied; the rest of them are zeros. 197
  // keys end with 5.
  __device__ static int reach(int keys) { return blocks_of(keys, kTake / 2) * (kTake / 2); }
  static_assert(kTake / 2 >= 8 * kPair && kSteps % 2 == 0);
};

__device__ __forceinline__ std::uint32_t tf32_word(float value) {
  return static_cast<std::uint32_t>(__float_as_int(to_tf32(value)));
}

// --- arithmetic: fragments are words of either type ---

__device__ __forceinline__ void multiply_words(Constant<1>, float (&c)[4],
                                               const std::uint32_t (&a)[4], std::uint32_t b0,
                                               std::uint32_t b1) {
  float wide_a[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) wide_a[i] = __int_as_float(static_cast<int>(a[i]));
  const float wide_b[2] = {__int_as_float(static_cast<int>(b0)),
                           __int_as_float(static_cast<int>(b1))};
  mma_tf32(c, wide_a, wide_b);
}
__device__ __forceinline__ void multiply_words(Constant<2>, float (&c)[4],
                                               const std::uint32_t (&a)[4], std::uint32_t b0,
                                               std::uint32_t b1) {
  const std::uint32_t b[2] = {b0, b1};
  mma_bf16(c, a, b);
}

// The word x[at ..] of which `count` elements exist, zeros for the rest.
__device__ __forceinline__ std::uint32_t load_word(Global<const float> x, Index at, int count,
                                                   bool) {
  return tf32_word(count > 0 ? static_cast<float>(x[at]) : 0.0f);
}
__device__ __forceinline__ std::uint32_t load_word(Global<const BFloat16> x, Index at, int count,
                                                   bool vectors) {
  const Vector<float, 2> pair = load_floats<2, BFloat16>(x, at, count, vectors);
  return pack_bf16(pair[0], pair[1]);
}

// --- tiles ---

// Calls use(row, column) for every vector of a tile's first `rows` rows that is this thread's.
template <class Tile, class F>
__device__ __forceinline__ void for_own_vectors(int rows, const F& use) {
  for (int i = static_cast<int>(threadIdx.x); i < rows * Tile::kVectors;
       i += static_cast<int>(blockDim.x))
    use(i / Tile::kVectors, i % Tile::kVectors * Tile::kVector);
}

// Starts copying x [rows, columns] into a tile.
template <class Tile, class T>
__device__ __forceinline__ void start_tile(Shared<T> tile, Global<const T> x, int row_stride,
                                           int rows, int columns, bool vectors) {
  constexpr int kVector = Tile::kVector;
  for_own_vectors<Tile>(Tile::reach(rows), [&](int row, int column) {
    const int place = row * Tile::kStride + column;
    const Index at = static_cast<Index>(row) * row_stride + column;
    const int count = row < rows ? columns - column : 0;
    if (vectors) {
      copy_async<kVector>(tile, place, x, at, count > 0);
    } else {
#pragma unroll
      for (int i = 0; i < kVector; ++i) tile[place + i] = i < count ? T(x[at + i]) : T(0.0f);
    }
  });
}

// Rounds what this thread has copied. Once here, not each time that a warp reads it.
template <class Tile>
__device__ __forceinline__ void round_tile(Shared<float> tile, int rows) {
  for_own_vectors<Tile>(Tile::reach(rows), [&](int row, int column) {
    Vector<float, 4> values = load_vector<4>(tile, row * Tile::kStride + column);
#pragma unroll
    for (int i = 0; i < 4; ++i) values[i] = to_tf32(values[i]);
    store_vector<4>(tile, row * Tile::kStride + column, values);
  });
}

// --- one warp ---

// What a lane holds of its warp's 16 queries. Index 0 and 1 of top and total are rows g and g + 8.
template <class T, int kWidth>
struct WarpAttention {
  using Tile = AttentionTensorTile<T, kWidth>;
  static constexpr Constant<Tile::kPair> kArithmetic{};

  std::uint32_t q[Tile::kSteps][4];
  float top[2] = {-INFINITY, -INFINITY};  // the largest score so far
  float total[2] = {};                    // the lane's part of the sum of weights
  float result[Tile::kColumnTiles][4] = {};

  // The column of result[n][i] within the head.
  __device__ __forceinline__ static int column(int n, int i) {
    const int t = static_cast<int>(threadIdx.x) % 4;
    if constexpr (Tile::kPair == 2) return n * 8 + 2 * t + i % 2;
    return n / 2 * 16 + (2 * t + i % 2) * 2 + n % 2;
  }

  // From the row of the lane's g on, of which `rows` exist.
  __device__ __forceinline__ void load_queries(Global<const T> qkv, Index first, int row_stride,
                                               int rows, int columns, bool vectors) {
    const int t = static_cast<int>(threadIdx.x) % 4;
#pragma unroll
    for (int step = 0; step < Tile::kSteps; ++step)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int row = i % 2 * 8, column = (step * 8 + t + i / 2 * 4) * Tile::kPair;
        q[step][i] = load_word(qkv, first + static_cast<Index>(row) * row_stride + column,
                               row < rows ? columns - column : 0, vectors);
      }
  }

  // Takes in 8 kCount keys, of which the first `keys` exist.
  template <int kCount>
  __device__ __forceinline__ void take(Shared<T> k, Shared<T> v, int keys, float factor) {
    float p[kCount][4] = {};
    add_scores(k, p);
    if (keys < 8 * kCount) {
      const int t = static_cast<int>(threadIdx.x) % 4;
#pragma unroll
      for (int j = 0; j < kCount; ++j)
#pragma unroll
        for (int i = 0; i < 4; ++i)
          if (8 * j + 2 * t + i % 2 >= keys) p[j][i] = -INFINITY;
    }
    weigh(p, factor);
    add_values(v, p);
  }

  // scores += Q K^T.
  template <int kCount>
  __device__ __forceinline__ void add_scores(Shared<T> k, float (&scores)[kCount][4]) const {
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
    // Four neighbouring vectors of eight keys' rows are the second operand of two steps.
    const int own = lane % 8 * Tile::kStride + lane / 8 * Tile::kVector;
#pragma unroll
    for (int step = 0; step < Tile::kSteps; step += 2)
#pragma unroll
      for (int j = 0; j < kCount; ++j) {
        std::uint32_t b[4];
        load_matrices(k, own + 8 * j * Tile::kStride + 2 * step * Tile::kVector, b);
        multiply_words(kArithmetic, scores[j], q[step], b[0], b[1]);
        multiply_words(kArithmetic, scores[j], q[step + 1], b[2], b[3]);
      }
  }

  // The online softmax: scores become weights 2^(factor (score - top)), and what has been summed so
  // far shrinks where a larger score has come.
  template <int kCount>
  __device__ __forceinline__ void weigh(float (&scores)[kCount][4], float factor) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float largest = top[r];
#pragma unroll
      for (int j = 0; j < kCount; ++j)
        largest = fmaxf(largest, fmaxf(scores[j][2 * r], scores[j][2 * r + 1]));
      largest = quad_max(largest);
      const float scaled = largest * factor, shrink = exp2_flushed(top[r] * factor - scaled);
      top[r] = largest;
      total[r] *= shrink;
#pragma unroll
      for (int n = 0; n < Tile::kColumnTiles; ++n) {
        result[n][2 * r] *= shrink;
        result[n][2 * r + 1] *= shrink;
      }
#pragma unroll
      for (int j = 0; j < kCount; ++j)
#pragma unroll
        for (int i = 2 * r; i < 2 * r + 2; ++i) {
          scores[j][i] = exp2_flushed(scores[j][i] * factor - scaled);
          total[r] += scores[j][i];
        }
    }
  }

  // result += P V.
  template <int kCount>
  __device__ __forceinline__ void add_values(Shared<T> v, const float (&p)[kCount][4]) {
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
    if constexpr (Tile::kPair == 2) {
      // Two rows of matrices of keys, two columns of them.
      const int own = lane % 16 * Tile::kStride + lane / 16 * 8;
#pragma unroll
      for (int j = 0; j < kCount; j += 2) {
        const std::uint32_t a[4] = {pack_bf16(p[j][0], p[j][1]), pack_bf16(p[j][2], p[j][3]),
                                    pack_bf16(p[j + 1][0], p[j + 1][1]),
                                    pack_bf16(p[j + 1][2], p[j + 1][3])};
#pragma unroll
        for (int n = 0; n < Tile::kColumnTiles; n += 2) {
          std::uint32_t b[4];
          load_matrices_transposed(v, own + 8 * j * Tile::kStride + 8 * n, b);
          multiply_words(kArithmetic, result[n], a, b[0], b[1]);
          multiply_words(kArithmetic, result[n + 1], a, b[2], b[3]);
        }
      }
    } else {
      // Column g of two products are neighbours in a value.
      const int own = lane % 4 * 2 * Tile::kStride + lane / 4 * 2;
#pragma unroll
      for (int j = 0; j < kCount; ++j) {
        const std::uint32_t a[4] = {tf32_word(p[j][0]), tf32_word(p[j][2]), tf32_word(p[j][1]),
                                    tf32_word(p[j][3])};
#pragma unroll
        for (int n = 0; n < Tile::kColumnTiles; n += 2) {
          const int at = own + 8 * j * Tile::kStride + 8 * n;
          const Vector<float, 2> even = load_vector<2>(v, at);
          const Vector<float, 2> odd = load_vector<2>(v, at + Tile::kStride);
#pragma unroll
          for (int m = 0; m < 2; ++m)
            multiply_words(kArithmetic, result[n + m], a,
                           static_cast<std::uint32_t>(__float_as_int(even[m])),
                           static_cast<std::uint32_t>(__float_as_int(odd[m])));
        }
      }
    }
  }

  // y = inverse result for row g + 8 r, whose first element is y[first].
  __device__ __forceinline__ void store(Global<T> y, Index first, int columns, bool vectors, int r,
                                        float inverse) const {
    // Neighbours of a row that a lane holds: two of one product, or two each of two.
    constexpr int kRun = Tile::kPair == 2 ? 2 : 4;
#pragma unroll
    for (int n = 0; n < Tile::kColumnTiles; n += kRun / 2) {
      const int left = columns - column(n, 0);
      const Index at = first + column(n, 0);
      Vector<T, kRun> stored;
      if constexpr (Tile::kPair == 2) {
        const std::uint32_t pair =
            pack_bf16(result[n][2 * r] * inverse, result[n][2 * r + 1] * inverse);
        stored[0].bits = static_cast<std::uint16_t>(pair);
        stored[1].bits = static_cast<std::uint16_t>(pair >> 16);
      } else {
#pragma unroll
        for (int e = 0; e < kRun; ++e) stored[e] = result[n + e % 2][2 * r + e / 2] * inverse;
      }
      if (vectors && left > 0) {
        store_vector<kRun>(y, at, stored);
      } else {
#pragma unroll
        for (int e = 0; e < kRun; ++e)
          if (e < left) y[at + e] = stored[e];
      }
    }
  }

  // Over the four lanes that share a row; all lanes of the warp call them.
  __device__ __forceinline__ static float quad_max(float value) {
    value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, 1));
    return fmaxf(value, __shfl_xor_sync(kAllLanes, value, 2));
  }
  __device__ __forceinline__ static float quad_sum(float value) {
    value += __shfl_xor_sync(kAllLanes, value, 1);
    return value + __shfl_xor_sync(kAllLanes, value, 2);
  }
};

// --- the kernel ---

// y = softmax(scale q k^T) v for 16 queries of one head of one image by each warp. Queries, scores
// and results stay in registers. Keys and values pass by in shared memory, a tile in use while the
// next is on its way; the block's warps share them.
//
// A query's results depend on its own row, on its image's keys and on kTake: not on how many warps
// a block has, which may follow the size of the batch.
template <class T, int kWidth>
__global__ void __launch_bounds__(AttentionTensorTile<T, kWidth>::kMostWarps* kWarpSize,
                                  AttentionTensorTile<T, kWidth>::kBlocks)
    attention_tensor_kernel(Global<const T> qkv, Global<T> y, Global<Wide<T>> logsumexp,
                            Global<const std::int32_t> offsets, AttentionShape shape) {
  using Tile = AttentionTensorTile<T, kWidth>;
  constexpr float kLog2E = 1.44269504f;
  OFER_SHARED_DYNAMIC(T, tiles, 0, 4 * Tile::kElements);
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const int warps = static_cast<int>(blockDim.x) / kWarpSize;
  const AttentionBlock block(offsets, shape, warps * kWarpQueries);
  if (block.rows <= 0) return;
  const bool works = warp * kWarpQueries < block.rows;

  const int head_row = shape.heads * shape.width;  // of y
  const int row_stride = 3 * head_row;
  const int begin = static_cast<int>(block.begin), head = block.head;
  const int row = block.first + warp * kWarpQueries + lane / 4;  // of the image
  const int own_rows = block.tokens - row;                       // from there on

  // The head in a row of the image: 0 in its queries, 1 in its keys, 2 in its values. Counted anew
  // each time, for registers are full of queries and results.
  const auto place_of = [&](int which, int image_row) {
    return (static_cast<Index>(begin + image_row) * 3 + which) * head_row + head * shape.width;
  };
  const auto start = [&](int from) {
    if (from < block.tokens) {
      const int keys = min(block.tokens - from, Tile::kKeys);
      const int first = from / Tile::kKeys % 2 * 2 * Tile::kElements;
      start_tile<Tile, T>(tiles + first, qkv + place_of(1, from), row_stride, keys, shape.width,
                          shape.vectors);
      start_tile<Tile, T>(tiles + (first + Tile::kElements), qkv + place_of(2, from), row_stride,
                          keys, shape.width, shape.vectors);
    }
    copy_async_commit();
  };

  start(0);
  WarpAttention<T, kWidth> mine;
  mine.load_queries(qkv, place_of(0, row), row_stride, own_rows, shape.width, shape.vectors);
  for (int from = 0; from < block.tokens; from += Tile::kKeys) {
    const int keys = min(block.tokens - from, Tile::kKeys);
    const auto k = tiles + from / Tile::kKeys % 2 * 2 * Tile::kElements;
    const auto v = k + Tile::kElements;
    copy_async_wait<0>();
    if constexpr (Tile::kPair == 1) {
      round_tile<Tile>(k, keys);
      round_tile<Tile>(v, keys);
    }
    __syncthreads();  // this tile is there, and the one before has been used
    start(from + Tile::kKeys);
    if (!works) continue;
    const float factor = shape.scale * kLog2E;
    for (int taken = 0; taken < keys; taken += Tile::kTake) {
      const int place = taken * Tile::kStride, left = keys - taken;
      if (left > Tile::kTake / 2)
        mine.template take<Tile::kTake / 8>(k + place, v + place, left, factor);
      else
        mine.template take<Tile::kTake / 16>(k + place, v + place, left, factor);
    }
  }
  if (!works) return;

#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const float sum = mine.quad_sum(mine.total[r]);
    if (8 * r >= own_rows) continue;
    const Index at = begin + row + 8 * r;
    if (logsumexp && lane % 4 == 0)
      logsumexp[head * shape.rows + at] = mine.top[r] * shape.scale + logf(sum);
    mine.store(y, at * head_row + head * shape.width, shape.width, shape.vectors, r, 1.0f / sum);
  }
}

// May this head be computed here? bfloat16 always, floats where the stream may round them; not
// before compute capability 8.0.
template <class T>
bool attention_uses_tensor_cores(Index head_width, Stream& stream) {
  return head_width <= kWidestTensorHead && gpu_stream(stream).compute_capability() >= 80 &&
         (sizeof(T) == 2 || stream.tf32());
}

// Warps take keys and values from memory together, so a block has as many as its image keeps busy;
// but where that would leave multiprocessors empty, at most four, one for each of a
// multiprocessor's tensor cores: fewer would not end sooner, for a warp walks all keys itself.
template <class T, int kWidth>
void attention_tensor_of(const AttentionArgs<T>& args, AttentionShape shape, Stream& stream) {
  using Tile = AttentionTensorTile<T, kWidth>;
  constexpr Index kFewWarps = 4;
  const Index parts = blocks_of<Index>(args.segments.longest, kWarpQueries);  // of an image
  const bool fills = args.segments.count * args.heads * blocks_of<Index>(parts, Tile::kMostWarps) >=
                     2 * gpu_stream(stream).multiprocessors();
  shape.row_blocks =
      static_cast<int>(blocks_of<Index>(parts, fills ? Tile::kMostWarps : kFewWarps));
  shape.chunks = 1;
  const auto warps = static_cast<unsigned>(blocks_of<Index>(parts, shape.row_blocks));
  launch("attention_tensor", attention_tensor_kernel<T, kWidth>,
         {grid_of(args.segments.count * shape.heads * shape.row_blocks), warps * kWarpSize,
          Tile::kSharedBytes},
         stream, args.qkv, args.y, args.logsumexp, args.segments.offsets, shape);
}

template <class T>
void attention_tensor(const AttentionArgs<T>& args, const AttentionShape& shape, Stream& stream) {
  if (args.head_width <= 32)
    attention_tensor_of<T, 32>(args, shape, stream);
  else if (args.head_width <= 64)
    attention_tensor_of<T, 64>(args, shape, stream);
  else
    attention_tensor_of<T, kWidestTensorHead>(args, shape, stream);
}

}  // namespace ofer::kernels::OFER_GPU
