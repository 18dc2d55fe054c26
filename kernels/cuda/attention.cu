// Multi-head self-attention on a GPU; the score matrix lives in registers, a tile at a time. The
// backward pass is in attention_backward.cuh, both are made of attention_tile.cuh; the forward pass on
// tensor cores is in attention_tensor.cuh.
#include "kernels/cuda/attention_backward.cuh"
#include "kernels/cuda/attention_tensor.cuh"
#include "kernels/cuda/attention_tile.cuh"
#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

// Blocks that a multiprocessor should hold at once; limits the registers of each.
constexpr int attention_residents(int width, int rows_per_thread) {
  return width > 64 ? 2 : rows_per_thread == 8 ? 3 : 4;
}

// y = softmax(scale q k^T) v for kRows queries of one head of one image by one block.
//
// The queries' tile stays in shared memory while tiles of kPass keys and values pass by. For each:
// scores S = Q K^T in registers, then the online softmax: with m the largest score so far, l the
// sum of exp(scale (s - m)) and O the weighted values, a larger m' scales l and O by
// exp(scale (m - m')). The exponentials go to the warp's part of `weights`, and O += weights V.
//
// A query's results depend on its own row, on its image's keys and on kPass: not on kRows, which
// may follow the size of the batch. kWhole: heads are kWidth wide, not less. kSplit: they are
// wider; each block then has one chunk of the values' columns, and takes the scores from all of the
// queries' and keys' chunks, as often as there are chunks.
template <class T, int kWidth, int kRowsPerThread, bool kWhole, bool kSplit>
__global__ void __launch_bounds__(kAttentionThreads, attention_residents(kWidth, kRowsPerThread))
    attention_kernel(Global<const T> qkv, Global<T> y, Global<Wide<T>> logsumexp,
                     Global<const std::int32_t> offsets, AttentionShape shape) {
  using Tile = AttentionTile<kWidth, kRowsPerThread>;
  OFER_SHARED_DYNAMIC(float, q, 0, Tile::kOwnFloats);
  OFER_SHARED_DYNAMIC(float, k, 4 * Tile::kOwnFloats, Tile::kPassFloats);
  OFER_SHARED_DYNAMIC(float, v, 4 * (Tile::kOwnFloats + Tile::kPassFloats), Tile::kPassFloats);
  OFER_SHARED_DYNAMIC(float, weights, 4 * (Tile::kOwnFloats + 2 * Tile::kPassFloats),
                      Tile::kWeightFloats);
  const AttentionBlock block(offsets, shape, Tile::kRows);
  if (block.rows <= 0) return;
  const bool works = block.has_warp<kRowsPerThread>();
  const int tx = static_cast<int>(threadIdx.x) % kColumnThreads;
  const int ty = static_cast<int>(threadIdx.x) / kColumnThreads;

  const int head_row = shape.heads * shape.width;  // of y
  const int row_stride = 3 * head_row;
  const Index own_q = (block.begin + block.first) * row_stride + block.head * shape.width;
  const int own_column = block.chunk * kWidth;  // of the values

  float top[kRowsPerThread], total[kRowsPerThread] = {};
  float result[kRowsPerThread][Tile::kColumns] = {};
#pragma unroll
  for (int r = 0; r < kRowsPerThread; ++r) top[r] = -INFINITY;

  if constexpr (!kSplit)
    load_tile<Tile::kRows, kWidth, T>(q, qkv, own_q, row_stride, block.rows, shape.width,
                                      shape.vectors);
  Index first_k = block.begin * row_stride + head_row + block.head * shape.width;
  for (int left = block.tokens; left > 0;
       left -= Tile::kPass, first_k += Tile::kPass * row_stride) {
    const int keys = min(left, Tile::kPass);
    float scores[kRowsPerThread][Tile::kPassPerThread] = {};
    for (int chunk = 0; chunk < (kSplit ? shape.chunks : 1); ++chunk) {
      const int column = chunk * kWidth;
      __syncthreads();  // the tiles of before have been used
      if constexpr (kSplit)
        load_tile<Tile::kRows, kWidth, T>(q, qkv, own_q + column, row_stride, block.rows,
                                          shape.width - column, shape.vectors);
      load_tile<Tile::kPass, kWidth, T>(k, qkv, first_k + column, row_stride, keys,
                                        shape.width - column, shape.vectors);
      if (chunk == 0)
        load_tile<Tile::kPass, kWidth, T>(v, qkv, first_k + head_row + own_column, row_stride, keys,
                                          shape.width - own_column, shape.vectors);
      __syncthreads();
      if (works)
        dot_tile<Tile>(q, k, keys, kWhole ? kWidth : min(shape.width - column, kWidth), scores);
    }
    if (!works) continue;

#pragma unroll
    for (int r = 0; r < kRowsPerThread; ++r) {
      float largest = -INFINITY;
#pragma unroll
      for (int c = 0; c < Tile::kPassPerThread; ++c)
        if (c * kColumnThreads + tx < keys) largest = fmaxf(largest, scores[r][c]);
      largest = fmaxf(top[r], row_max(largest));
      const float shrink = expf((top[r] - largest) * shape.scale);
      top[r] = largest;
      total[r] *= shrink;
#pragma unroll
      for (int i = 0; i < Tile::kColumns; ++i) result[r][i] *= shrink;
#pragma unroll
      for (int c = 0; c < Tile::kPassPerThread; ++c) {
        const bool exists = c * kColumnThreads + tx < keys;
        scores[r][c] = exists ? expf((scores[r][c] - largest) * shape.scale) : 0.0f;
        total[r] += scores[r][c];
      }
    }
    store_weights<Tile>(weights, scores);
    add_weighted<Tile>(weights, v, keys, result);
  }
  if (!works) return;

#pragma unroll
  for (int r = 0; r < kRowsPerThread; ++r) {
    const float sum = row_sum(total[r]), inverse = 1.0f / sum;
#pragma unroll
    for (int i = 0; i < Tile::kColumns; ++i) result[r][i] *= inverse;
    const int row = ty * kRowsPerThread + r;
    if (logsumexp && block.chunk == 0 && tx == 0 && row < block.rows)
      logsumexp[Index{block.head} * shape.rows + block.begin + block.first + row] =
          top[r] * shape.scale + logf(sum);
  }
  store_rows<Tile, T>(
      y, (block.begin + block.first) * head_row + block.head * shape.width + own_column, head_row,
      block.rows, shape.width - own_column, shape.vectors, result);
}

template <class T, int kWidth, int kRowsPerThread, bool kWhole, bool kSplit>
void attention_of(const AttentionArgs<T>& args, AttentionShape shape, Stream& stream) {
  using Tile = AttentionTile<kWidth, kRowsPerThread>;
  shape.row_blocks = static_cast<int>(blocks_of<Index>(args.segments.longest, Tile::kRows));
  shape.chunks = static_cast<int>(blocks_of<Index>(args.head_width, kWidth));
  launch("attention", attention_kernel<T, kWidth, kRowsPerThread, kWhole, kSplit>,
         {grid_of(args.segments.count * shape.chunks * shape.heads * shape.row_blocks),
          kAttentionThreads,
          sizeof(float) * (Tile::kOwnFloats + 2 * Tile::kPassFloats + Tile::kWeightFloats)},
         stream, args.qkv, args.y, args.logsumexp, args.segments.offsets, shape);
}

}  // namespace

// Of the common widths there are kernels with 16, 32 and 64 queries to a block. The more queries,
// the more often a loaded key is used; but the blocks should fill the device twice.
template <class T>
void attention(const AttentionArgs<T>& args, Stream& stream) {
  const Index images = args.segments.count, longest = args.segments.longest;
  if (images == 0 || longest == 0 || args.heads == 0 || args.head_width == 0) return;
  AttentionShape shape{};
  shape.rows = args.segments.rows();
  shape.stride = static_cast<int>(args.segments.stride);
  shape.heads = static_cast<int>(args.heads);
  shape.width = static_cast<int>(args.head_width);
  shape.scale = static_cast<float>(args.scale);
  shape.vectors =
      rows_in_vectors(args.qkv, args.head_width) && rows_in_vectors(args.y, args.head_width);
  if (attention_uses_tensor_cores<T>(args.head_width, stream))
    return attention_tensor(args, shape, stream);
  const auto fills = [&](int queries) {
    return images * args.heads * blocks_of<Index>(longest, queries) >=
           2 * gpu_stream(stream).multiprocessors();
  };
  with_head_width(args.head_width, [&](auto width, auto whole, auto split) {
    constexpr int kWidth = decltype(width)::value;
    constexpr bool kWhole = decltype(whole)::value, kSplit = decltype(split)::value;
    if constexpr (kWhole) {
      if (fills(64)) return attention_of<T, kWidth, 8, true, false>(args, shape, stream);
      if (!fills(32)) return attention_of<T, kWidth, 2, true, false>(args, shape, stream);
    }
    attention_of<T, kWidth, 4, kWhole, kSplit>(args, shape, stream);
  });
}

template <class T>
void attention_backward(const AttentionBackwardArgs<T>& args, Stream& stream) {
  run_attention_backward(args, stream);
}

OFER_INSTANTIATE_GPU(attention, AttentionArgs)
OFER_INSTANTIATE_GPU(attention_backward, AttentionBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(attention, AttentionArgs)
OFER_INSTANTIATE_GPU_BF16(attention_backward, AttentionBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
