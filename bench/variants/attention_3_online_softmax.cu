// Attention, variant 3: keys and values come in tiles through shared memory, each for 64 queries at
// once, and the softmax is taken as they pass (Milakov and Gimelshein 2018; Dao et al. 2022).
//
// With m the largest score so far, l the sum of exp(s - m) and O the sum of exp(s - m) v, a tile
// whose largest score is m' > m first scales l and O by exp(m - m'). At the end y = O / l: no row
// of scores is ever whole, so neither kind of memory grows with the number of tokens.
//
// Against variant 2, for 197 tokens and 12 heads of 64:
// - A tile of keys and values serves 64 queries. 197 queries are four blocks a head, so keys and
//   values pass four times, not 197: 48 x 101 KB = 4.8 MB for an image, where there were 238.
// - A thread has a query, its q and O in registers. A number of the tile, read by all threads at
//   once, is one load of shared memory for 32 multiply-adds; neither shuffle nor tree is needed.
// What it pays:
// - 64 floats of q, 64 of O and 16 scores are 144 registers at least: 14 warps of 64 at most fit
//   the 65,536 of a multiprocessor (nvcc 13.0 takes 242 for compute capability 8.0: eight warps).
// - One image has 48 blocks of two warps for 132 multiprocessors, and the fourth block of a head
//   has 5 queries in it; 16 images have 768.
// - A multiply-add needs its own float from shared memory (a quarter of a load of 16 bytes).
//
// Beyond it the production kernel (kernels/cuda/attention.cu, attention_tile.cuh)
// - gives a block of 128 threads 16, 32 or 64 queries, as many as let the blocks fill the device:
//   156 blocks for one image;
// - gives a thread 8 x 4 scores, so that 12 numbers from shared memory serve 32 multiply-adds; what
//   is reduced along a row stays within half a warp;
// - leaves out the empty part of the last tile (197 keys end with 5), and moves vectors of four;
// - multiplies on tensor cores in tf32 and bf16 (attention_tensor.cuh).
#include "bench/variants/attention_sizes.cuh"

namespace ofer::kernels::OFER_GPU::variants {

namespace {

constexpr int kQueries = 64;  // and threads of a block
constexpr int kKeys = 16;     // of a tile

// Block: image, chunk, head, tile of queries, the last one fastest. Thread: one query. Heads wider
// than kWidth come in chunks of it: the block has one chunk of the values' columns and takes the
// scores over all chunks of q and k. Columns and keys that do not exist are zeros in the tiles.
template <int kWidth>
__global__ void __launch_bounds__(kQueries)
    attention_kernel(Global<const float> qkv, Global<const std::int32_t> offsets, Global<float> y,
                     Global<float> logsumexp, AttentionSizes sizes, int query_tiles, int chunks) {
  OFER_SHARED(float, k, kKeys * kWidth);
  OFER_SHARED(float, v, kKeys * kWidth);
  Index number = blockIdx.x;
  const int first = static_cast<int>(number % query_tiles) * kQueries;
  number /= query_tiles;
  const int head = static_cast<int>(number % sizes.heads);
  number /= sizes.heads;
  const int own_column = static_cast<int>(number % chunks) * kWidth;
  const AttentionRows rows(offsets, sizes, number / chunks);
  if (first >= rows.tokens) return;  // all of the block
  const int query = first + static_cast<int>(threadIdx.x);
  const bool mine = query < rows.tokens;  // the others help to load

  float q[kWidth], result[kWidth] = {};
  const auto load_query = [&](int column) {
    const Index at = sizes.in_qkv(rows.begin + query, 0, head) + column;
#pragma unroll
    for (int d = 0; d < kWidth; ++d) q[d] = mine && column + d < sizes.width ? qkv[at + d] : 0.0f;
  };
  const auto load_tile = [&](Shared<float> tile, int which, int first_key, int column) {
    for (int i = threadIdx.x; i < kKeys * kWidth; i += kQueries) {
      const int key = first_key + i / kWidth, d = column + i % kWidth;
      tile[i] = key < rows.tokens && d < sizes.width
                    ? qkv[sizes.in_qkv(rows.begin + key, which, head) + d]
                    : 0.0f;
    }
  };

  float top = -INFINITY, total = 0;  // m and l
  for (int key = 0; key < rows.tokens; key += kKeys) {
    float scores[kKeys] = {};
    for (int chunk = 0; chunk < chunks; ++chunk) {
      __syncthreads();  // the tiles of before have been used
      load_tile(k, 1, key, chunk * kWidth);
      if (chunk == 0) load_tile(v, 2, key, own_column);
      if (chunks > 1 || key == 0) load_query(chunk * kWidth);
      __syncthreads();
#pragma unroll
      for (int j = 0; j < kKeys; ++j)
#pragma unroll
        for (int d = 0; d < kWidth; ++d) scores[j] += q[d] * k[j * kWidth + d];
    }

    float largest = top;
#pragma unroll
    for (int j = 0; j < kKeys; ++j) {
      scores[j] = key + j < rows.tokens ? scores[j] * sizes.scale : -INFINITY;
      largest = fmaxf(largest, scores[j]);
    }
    const float shrink = expf(top - largest);  // 0 for the first tile
    top = largest;
    total *= shrink;
#pragma unroll
    for (int d = 0; d < kWidth; ++d) result[d] *= shrink;
#pragma unroll
    for (int j = 0; j < kKeys; ++j) {
      const float weight = expf(scores[j] - largest);  // 0 for a key that does not exist
      total += weight;
#pragma unroll
      for (int d = 0; d < kWidth; ++d) result[d] += weight * v[j * kWidth + d];
    }
  }
  if (!mine) return;

  const Index at = sizes.in_y(rows.begin + query, head) + own_column;
  const float inverse = 1.0f / total;
#pragma unroll
  for (int d = 0; d < kWidth; ++d)
    if (own_column + d < sizes.width) y[at + d] = result[d] * inverse;
  if (logsumexp && own_column == 0)
    logsumexp[head * sizes.rows + rows.begin + query] = top + logf(total);
}

template <int kWidth>
void launch_width(const AttentionArgs<float>& args, const AttentionSizes& sizes, Stream& stream) {
  const Index query_tiles = blocks_of<Index>(sizes.longest, kQueries),
              chunks = blocks_of<Index>(sizes.width, kWidth);
  launch("attention variant 3", attention_kernel<kWidth>,
         {grid_of(sizes.images * chunks * sizes.heads * query_tiles), kQueries}, stream, args.qkv,
         args.segments.offsets, args.y, args.logsumexp, sizes, static_cast<int>(query_tiles),
         static_cast<int>(chunks));
}

}  // namespace

// The decoder's heads are 32 wide, the encoder's 64.
void attention_3_online_softmax(const AttentionArgs<float>& args, Stream& stream) {
  const AttentionSizes sizes(args);
  if (sizes.empty()) return;
  if (sizes.width <= 32)
    launch_width<32>(args, sizes, stream);
  else
    launch_width<64>(args, sizes, stream);
}

}  // namespace ofer::kernels::OFER_GPU::variants
