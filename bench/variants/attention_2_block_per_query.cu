// Attention, variant 2: one block for a query, whose scores stay in shared memory.
//
// Against variant 1, for 197 tokens and 12 heads of 64:
// - A row of S is 197 floats, 788 bytes: it is made, turned into weights and used up inside one
//   block. The 1.86 MB of S never go to device memory, 11 MB of traffic less for an image; what is
//   left is the least there is, 2.4 MB, as long as the caches hold keys and values.
// - One launch, not three. 2,364 blocks of 64 threads are 18 to each of 132 multiprocessors: all of
//   an image's are there at once.
// - The softmax's row belongs to 64 threads, three or four scores each.
// What it does not mend: every query brings all keys and values of its head through the caches,
// 197 x 2 x 256 bytes = 101 KB for its 25,000 multiply-adds, four bytes for each. Of all 2,364 that
// is 238 MB for an image, a hundred times qkv. Neighbouring threads' keys still lie far apart.
#include "bench/variants/attention_sizes.cuh"
#include "kernels/cuda/reduce_block.cuh"
#include "kernels/device_error.h"

namespace ofer::kernels::OFER_GPU::variants {

namespace {

constexpr int kThreads = 64;
constexpr Index kMostShared = 47 << 10;  // bytes; of 48 KiB the block's sums want some

// Block: image, head, query, the last one fastest, so that blocks of one head run together and
// share its keys and values in the second-level cache. Thread: the keys t, t + 64, ...; then the
// columns t, t + 64, ... of y.
__global__ void __launch_bounds__(kThreads)
    attention_kernel(Global<const float> qkv, Global<const std::int32_t> offsets, Global<float> y,
                     Global<float> logsumexp, AttentionSizes sizes) {
  OFER_SHARED_DYNAMIC(float, q, 0, sizes.width);
  OFER_SHARED_DYNAMIC(float, weights, sizes.width * sizeof(float), sizes.longest);
  const int query = static_cast<int>(blockIdx.x % sizes.longest);
  const int head = static_cast<int>(blockIdx.x / sizes.longest % sizes.heads);
  const AttentionRows rows(offsets, sizes, blockIdx.x / sizes.longest / sizes.heads);
  if (query >= rows.tokens) return;
  const int t = threadIdx.x;

  const Index own = sizes.in_qkv(rows.begin + query, 0, head);
  for (int d = t; d < sizes.width; d += kThreads) q[d] = qkv[own + d];
  __syncthreads();
  float largest = -INFINITY;
  for (int j = t; j < rows.tokens; j += kThreads) {
    const Index k = sizes.in_qkv(rows.begin + j, 1, head);
    float score = 0;
    for (int d = 0; d < sizes.width; ++d) score += q[d] * qkv[k + d];
    score *= sizes.scale;
    weights[j] = score;
    largest = fmaxf(largest, score);
  }
  largest = block_max<kThreads>(largest);
  float sum = 0;
  for (int j = t; j < rows.tokens; j += kThreads) {
    const float weight = expf(weights[j] - largest);
    weights[j] = weight;
    sum += weight;
  }
  sum = block_sum<kThreads>(sum);
  __syncthreads();  // every thread reads the weights of all

  for (int d = t; d < sizes.width; d += kThreads) {
    float result = 0;
    for (int j = 0; j < rows.tokens; ++j)
      result += weights[j] * qkv[sizes.in_qkv(rows.begin + j, 2, head) + d];
    y[sizes.in_y(rows.begin + query, head) + d] = result / sum;
  }
  if (logsumexp && t == 0) logsumexp[head * sizes.rows + rows.begin + query] = largest + logf(sum);
}

}  // namespace

void attention_2_block_per_query(const AttentionArgs<float>& args, Stream& stream) {
  const AttentionSizes sizes(args);
  if (sizes.empty()) return;
  // 12,000 tokens have no room here; variant 3 needs none that grows with them.
  const Index shared = (sizes.longest + sizes.width) * static_cast<Index>(sizeof(float));
  if (shared > kMostShared)
    throw DeviceError("attention variant 2: the scores of " + std::to_string(sizes.longest) +
                      " tokens do not fit 47 KiB of shared memory");
  launch("attention variant 2", attention_kernel,
         {grid_of(sizes.images * sizes.heads * sizes.longest), kThreads,
          static_cast<std::size_t>(shared)},
         stream, args.qkv, args.segments.offsets, args.y, args.logsumexp, sizes);
}

}  // namespace ofer::kernels::OFER_GPU::variants
