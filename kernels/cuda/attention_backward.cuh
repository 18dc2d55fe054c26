// The backward pass of attention. With P the attention weights and O their product with V (y):
//   dV = P^T dO,  dP = dO V^T,  dS = scale P (dP - delta),  delta = rowsum(dO O),
//   dQ = dS K,  dK = dS^T Q.
// P is computed again from logsumexp. Two kernels, so that every result has one owner and is summed
// in a fixed order: one for dQ, whose blocks own queries while keys pass by, and one for dK and dV,
// whose blocks own keys while queries pass by.
#pragma once

#include "kernels/attention.h"
#include "kernels/cuda/attention_tile.cuh"

namespace ofer::kernels::OFER_GPU {

constexpr int kDeltaThreads = 256;

// delta[h, r] = sum over i of dy[r, h, i] y[r, h, i], by one warp.
template <class T>
__global__ void __launch_bounds__(kDeltaThreads)
    attention_delta_kernel(Global<const T> dy, Global<const T> y, Global<float> delta, Index rows,
                           int heads, int width) {
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  const Index item = static_cast<Index>(blockIdx.x) * (kDeltaThreads / kWarpSize) + warp;
  if (item >= rows * heads) return;
  float sum = 0;
  for (int i = lane; i < width; i += kWarpSize)
    sum += static_cast<float>(dy[item * width + i]) * static_cast<float>(y[item * width + i]);
  sum = warp_sum(sum);
  if (lane == 0) delta[item % heads * rows + item / heads] = sum;
}

// Which results a block computes.
enum class AttentionSide { kQueries, kKeys };

// kQueries: the block's own tiles are Q and dO, those that pass K and V; kKeys: own K and V,
// passing Q and dO. Either way the products S and dP are those of own rows with passing rows (for
// keys, S and dP are transposed), and the results are sums over the passing rows:
//   dQ += dS K;   dV += P^T dO, dK += dS^T Q.
// kWhole and kSplit as in attention_kernel. With kSplit the block's own chunk of columns comes last
// in the scores, and its tiles are then in place for the results.
template <AttentionSide kSide, class T, int kWidth, int kRowsPerThread, bool kWhole, bool kSplit>
__global__ void __launch_bounds__(kAttentionThreads, kWidth <= 64 ? 3 : 2)
    attention_backward_kernel(Global<const T> dy, Global<const T> qkv, Global<const Wide<T>> logsumexp,
                              Global<const float> delta, Global<T> dqkv,
                              Global<const std::int32_t> offsets, AttentionShape shape) {
  using Tile = AttentionTile<kWidth, kRowsPerThread>;
  constexpr bool kOfQueries = kSide == AttentionSide::kQueries;
  OFER_SHARED_DYNAMIC(float, own_1, 0, Tile::kOwnFloats);                       // Q or K
  OFER_SHARED_DYNAMIC(float, own_2, 4 * Tile::kOwnFloats, Tile::kOwnFloats);    // dO or V
  OFER_SHARED_DYNAMIC(float, pass_1, 8 * Tile::kOwnFloats, Tile::kPassFloats);  // K or Q
  OFER_SHARED_DYNAMIC(float, pass_2, 8 * Tile::kOwnFloats + 4 * Tile::kPassFloats,
                      Tile::kPassFloats);  // V or dO
  OFER_SHARED_DYNAMIC(float, weights, 8 * (Tile::kOwnFloats + Tile::kPassFloats),
                      Tile::kWeightFloats);
  const AttentionBlock block(offsets, shape, Tile::kRows);
  if (block.rows <= 0) return;
  const bool works = block.has_warp<kRowsPerThread>();
  const int tx = static_cast<int>(threadIdx.x) % kColumnThreads;
  const int ty = static_cast<int>(threadIdx.x) / kColumnThreads;

  const int head_row = shape.heads * shape.width;  // of y
  const int row_stride = 3 * head_row;
  const Index first_q = block.begin * row_stride + block.head * shape.width;
  const Index first_dy = block.begin * head_row + block.head * shape.width;
  const Index first_of_head =
      Index{block.head} * shape.rows + block.begin;  // of logsumexp and delta

  // Rows [from, from + count) of the image, from `column` on.
  const auto load_own = [&](int column) {
    const int columns = shape.width - column;
    const Index qkv_row = first_q + Index{block.first} * row_stride + column;
    load_tile<Tile::kRows, kWidth, T>(own_1, qkv, qkv_row + (kOfQueries ? 0 : head_row), row_stride,
                                      block.rows, columns, shape.vectors);
    if constexpr (kOfQueries)
      load_tile<Tile::kRows, kWidth, T>(own_2, dy,
                                        first_dy + Index{block.first} * head_row + column, head_row,
                                        block.rows, columns, shape.vectors);
    else
      load_tile<Tile::kRows, kWidth, T>(own_2, qkv, qkv_row + 2 * head_row, row_stride, block.rows,
                                        columns, shape.vectors);
  };
  const auto load_pass = [&](int from, int count, int column) {
    const int columns = shape.width - column;
    const Index qkv_row = first_q + Index{from} * row_stride + column;
    load_tile<Tile::kPass, kWidth, T>(pass_1, qkv, qkv_row + (kOfQueries ? head_row : 0),
                                      row_stride, count, columns, shape.vectors);
    if constexpr (kOfQueries)
      load_tile<Tile::kPass, kWidth, T>(pass_2, qkv, qkv_row + 2 * head_row, row_stride, count,
                                        columns, shape.vectors);
    else
      load_tile<Tile::kPass, kWidth, T>(pass_2, dy, first_dy + Index{from} * head_row + column,
                                        head_row, count, columns, shape.vectors);
  };

  float own_lse[kRowsPerThread] = {}, own_delta[kRowsPerThread] = {};
  if constexpr (kOfQueries)
#pragma unroll
    for (int r = 0; r < kRowsPerThread; ++r) {
      const int row = ty * kRowsPerThread + r;
      if (row >= block.rows) continue;
      own_lse[r] = static_cast<float>(logsumexp[first_of_head + block.first + row]);
      own_delta[r] = delta[first_of_head + block.first + row];
    }
  float from_scores[kRowsPerThread][Tile::kColumns] = {};                    // dQ or dK
  [[maybe_unused]] float from_weights[kRowsPerThread][Tile::kColumns] = {};  // dV

  if constexpr (!kSplit) load_own(0);
  for (int from = 0; from < block.tokens; from += Tile::kPass) {
    const int count = min(block.tokens - from, Tile::kPass);
    float p[kRowsPerThread][Tile::kPassPerThread] = {};
    float ds[kRowsPerThread][Tile::kPassPerThread] = {};
    for (int i = 0; i < (kSplit ? shape.chunks : 1); ++i) {
      const int column = kSplit ? (block.chunk + 1 + i) % shape.chunks * kWidth : 0;
      const int depth = kWhole ? kWidth : min(shape.width - column, kWidth);
      __syncthreads();  // the tiles of before have been used
      if constexpr (kSplit) load_own(column);
      load_pass(from, count, column);
      __syncthreads();
      if (!works) continue;
      dot_tile<Tile>(own_1, pass_1, count, depth, p);
      dot_tile<Tile>(own_2, pass_2, count, depth, ds);
    }
    if (!works) continue;

#pragma unroll
    for (int c = 0; c < Tile::kPassPerThread; ++c) {
      const int other = c * kColumnThreads + tx;
      const bool exists = other < count;
      float lse = 0, d = 0;
      if (!kOfQueries && exists) {
        lse = static_cast<float>(logsumexp[first_of_head + from + other]);
        d = delta[first_of_head + from + other];
      }
#pragma unroll
      for (int r = 0; r < kRowsPerThread; ++r) {
        if (kOfQueries) {
          lse = own_lse[r];
          d = own_delta[r];
        }
        p[r][c] = exists ? expf(p[r][c] * shape.scale - lse) : 0.0f;
        ds[r][c] = exists ? shape.scale * p[r][c] * (ds[r][c] - d) : 0.0f;
      }
    }
    if constexpr (!kOfQueries) {
      store_weights<Tile>(weights, p);
      add_weighted<Tile>(weights, pass_2, count, from_weights);
    }
    store_weights<Tile>(weights, ds);
    add_weighted<Tile>(weights, pass_1, count, from_scores);
  }
  if (!works) return;

  const int own_column = block.chunk * kWidth;
  const Index first_out = first_q + Index{block.first} * row_stride + own_column;
  const auto store = [&](int which, const float (&result)[kRowsPerThread][Tile::kColumns]) {
    store_rows<Tile, T>(dqkv, first_out + which * head_row, row_stride, block.rows,
                        shape.width - own_column, shape.vectors, result);
  };
  store(kOfQueries ? 0 : 1, from_scores);
  if constexpr (!kOfQueries) store(2, from_weights);
}

template <class T>
void run_attention_backward(const AttentionBackwardArgs<T>& args, Stream& stream) {
  const Index images = args.segments.count, longest = args.segments.longest;
  if (images == 0 || longest == 0 || args.heads == 0 || args.head_width == 0) return;
  AttentionShape shape{};
  shape.rows = args.segments.rows();
  shape.stride = static_cast<int>(args.segments.stride);
  shape.heads = static_cast<int>(args.heads);
  shape.width = static_cast<int>(args.head_width);
  shape.scale = static_cast<float>(args.scale);
  shape.vectors = rows_in_vectors(args.qkv, args.head_width) &&
                  rows_in_vectors(args.dy, args.head_width) &&
                  rows_in_vectors(args.dqkv, args.head_width);
  float* delta = gpu_stream(stream).template scratch<float>(0, args.heads * shape.rows);
  launch("attention_delta", attention_delta_kernel<T>,
         {grid_of(blocks_of<Index>(shape.rows * args.heads, kDeltaThreads / kWarpSize)),
          kDeltaThreads},
         stream, args.dy, args.y, delta, shape.rows, shape.heads, shape.width);

  with_head_width(args.head_width, [&](auto width, auto whole, auto split) {
    constexpr int kWidth = decltype(width)::value;
    constexpr bool kWhole = decltype(whole)::value, kSplit = decltype(split)::value;
    // Two results of a thread's rows stay in registers.
    constexpr int kRowsPerThread = kWidth <= 64 ? 4 : 2;
    using Tile = AttentionTile<kWidth, kRowsPerThread>;
    shape.row_blocks = static_cast<int>(blocks_of<Index>(longest, Tile::kRows));
    shape.chunks = static_cast<int>(blocks_of<Index>(args.head_width, kWidth));
    const LaunchShape blocks{
        grid_of(images * shape.chunks * shape.heads * shape.row_blocks), kAttentionThreads,
        sizeof(float) * (2 * Tile::kOwnFloats + 2 * Tile::kPassFloats + Tile::kWeightFloats)};
    launch("attention_backward_queries",
           attention_backward_kernel<AttentionSide::kQueries, T, kWidth, kRowsPerThread, kWhole,
                                     kSplit>,
           blocks, stream, args.dy, args.qkv, args.logsumexp, delta, args.dqkv,
           args.segments.offsets, shape);
    launch(
        "attention_backward_keys",
        attention_backward_kernel<AttentionSide::kKeys, T, kWidth, kRowsPerThread, kWhole, kSplit>,
        blocks, stream, args.dy, args.qkv, args.logsumexp, delta, args.dqkv, args.segments.offsets,
        shape);
  });
}

}  // namespace ofer::kernels::OFER_GPU
