// Attention, variant 1: three kernels with the score matrix between them in device memory, as the
// formula reads: S = scale q k^T, softmax of its rows, y = S v.
//
// The encoder: 197 tokens, 12 heads of 64. One image has 1.8 MB of qkv and 0.6 of y, and 0.12 GF.
// - S is 12 x 197 x 197 floats, 1.86 MB, larger than qkv. It is written, read three times, written
//   and read again: 11 MB, where 2.4 would do. Of 16 images it is 30 MB, and 179 MB go back and
//   forth; it grows with the square of the tokens.
// - A thread of the first kernel reads a query and a key, 512 bytes, for 64 multiply-adds, and
//   neighbours read keys that are 9,216 bytes apart: a warp's load touches 32 sectors.
// - Of the softmax a row belongs to a thread (layer_norm, variant 1, says what that costs).
// - Three launches, each waiting for all of the one before.
#include "bench/variants/attention_sizes.cuh"

namespace ofer::kernels::OFER_GPU::variants {

namespace {

constexpr int kThreads = 128;

// scores [heads, rows, longest], the last two the query's row and the number of the key.
__device__ Index score_at(const AttentionSizes& sizes, int head, Index row) {
  return (head * sizes.rows + row) * sizes.longest;
}

// S[h, i, j] = scale <q_i, k_j>. One thread for each; neighbours have neighbouring keys.
__global__ void __launch_bounds__(kThreads)
    scores_kernel(Global<const float> qkv, Global<const std::int32_t> offsets, Global<float> scores,
                  AttentionSizes sizes) {
  Index number = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
  const int key = static_cast<int>(number % sizes.longest);
  number /= sizes.longest;
  const int query = static_cast<int>(number % sizes.longest);
  number /= sizes.longest;
  const int head = static_cast<int>(number % sizes.heads);
  const Index image = number / sizes.heads;
  if (image >= sizes.images) return;
  const AttentionRows rows(offsets, sizes, image);
  if (query >= rows.tokens || key >= rows.tokens) return;

  const Index q = sizes.in_qkv(rows.begin + query, 0, head),
              k = sizes.in_qkv(rows.begin + key, 1, head);
  float sum = 0;
  for (int d = 0; d < sizes.width; ++d) sum += qkv[q + d] * qkv[k + d];
  scores[score_at(sizes, head, rows.begin + query) + key] = sizes.scale * sum;
}

// P[h, i, j] = exp(S[h, i, j] - m) / l in place, m the largest of the row, without which exp would
// overflow, l the row's sum of exponentials. One thread for a row.
__global__ void __launch_bounds__(kThreads)
    softmax_kernel(Global<const std::int32_t> offsets, Global<float> scores,
                   Global<float> logsumexp, AttentionSizes sizes) {
  Index number = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
  const int query = static_cast<int>(number % sizes.longest);
  number /= sizes.longest;
  const int head = static_cast<int>(number % sizes.heads);
  const Index image = number / sizes.heads;
  if (image >= sizes.images) return;
  const AttentionRows rows(offsets, sizes, image);
  if (query >= rows.tokens) return;

  const Index row = score_at(sizes, head, rows.begin + query);
  float largest = -INFINITY;
  for (int j = 0; j < rows.tokens; ++j) largest = fmaxf(largest, scores[row + j]);
  float sum = 0;
  for (int j = 0; j < rows.tokens; ++j) sum += expf(scores[row + j] - largest);
  const float inverse = 1.0f / sum;
  for (int j = 0; j < rows.tokens; ++j) scores[row + j] = expf(scores[row + j] - largest) * inverse;
  if (logsumexp) logsumexp[head * sizes.rows + rows.begin + query] = largest + logf(sum);
}

// y[i, h, d] = sum over j of P[h, i, j] v[j, h, d]. One thread for each; neighbours have
// neighbouring columns d, so v and y are read and written in whole sectors.
__global__ void __launch_bounds__(kThreads)
    values_kernel(Global<const float> qkv, Global<const std::int32_t> offsets,
                  Global<const float> scores, Global<float> y, AttentionSizes sizes) {
  Index number = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
  const int d = static_cast<int>(number % sizes.width);
  number /= sizes.width;
  const int head = static_cast<int>(number % sizes.heads);
  number /= sizes.heads;
  const int query = static_cast<int>(number % sizes.longest);
  const Index image = number / sizes.longest;
  if (image >= sizes.images) return;
  const AttentionRows rows(offsets, sizes, image);
  if (query >= rows.tokens) return;

  const Index row = score_at(sizes, head, rows.begin + query);
  float sum = 0;
  for (int j = 0; j < rows.tokens; ++j)
    sum += scores[row + j] * qkv[sizes.in_qkv(rows.begin + j, 2, head) + d];
  y[sizes.in_y(rows.begin + query, head) + d] = sum;
}

}  // namespace

void attention_1_score_matrix(const AttentionArgs<float>& args, Stream& stream) {
  const AttentionSizes sizes(args);
  if (sizes.empty()) return;
  float* scores = gpu_stream(stream).scratch<float>(0, sizes.heads * sizes.rows * sizes.longest);
  const auto shape = [](Index threads) {
    return LaunchShape{grid_of(blocks_of<Index>(threads, kThreads)), kThreads};
  };
  const Index queries = sizes.images * sizes.heads * sizes.longest;
  launch("attention variant 1 scores", scores_kernel, shape(queries * sizes.longest), stream,
         args.qkv, args.segments.offsets, scores, sizes);
  launch("attention variant 1 softmax", softmax_kernel, shape(queries), stream,
         args.segments.offsets, scores, args.logsumexp, sizes);
  launch("attention variant 1 values", values_kernel, shape(queries * sizes.width), stream,
         args.qkv, args.segments.offsets, scores, args.y, sizes);
}

}  // namespace ofer::kernels::OFER_GPU::variants
