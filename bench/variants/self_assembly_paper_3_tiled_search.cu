// Self-assembly, variant 3: the search as a product in tiles that keeps only the best of each row;
// the recurrence with its vectors in shared memory.
//
// Against variant 2, for 512 channels of 32 x 32:
// - A block has 16 positions and goes through the candidates 16 at a time, 16 channels a step, as
//   convolution's variant 3 does: a float from the caches serves 16 products. A block reads all
//   1,024 candidates, 2 MB, and its own 16 positions again for each tile, 2 MB: 64 blocks, 268 MB
//   if each has a masked one, where 512 searches were 537. No score is written: 1,024 x 1,024 would
//   be 4 MB.
// - Known positions are copied 16 neighbours at a time, two whole sectors.
// - A step of the recurrence keeps p_s from the walk that sums, and p_prev from the step before: 11
//   numbers a channel from the caches (x_i, nine of f, p_k), not 22.
// What it pays: 64 blocks for an image are half of the multiprocessors, and masked candidates are
// multiplied for nothing. A block none of whose positions is masked ends at once.
//
// Beyond it the production kernel (kernels/cuda/self_assembly_paper.cu, assembly_search.cuh)
// - lists masked and known positions first, so that a tile holds no other, and gives blocks tiles
//   of 64 x 64 with 8 x 4 scores a thread, the candidates shared among blocks as well;
// - computes all of a step but S_prev p_prev side by side beforehand, into rows [position][channel]
//   that the recurrence reads in vectors: two numbers a channel and step, the next on its way;
// - keeps p_prev in registers and has one barrier a step; y goes back to a map in a kernel of its
//   own, in tiles, with whole sectors.
#include "bench/variants/self_assembly_paper_parts.cuh"
#include "kernels/device_error.h"

namespace ofer::kernels::OFER_GPU::variants {

namespace {

constexpr int kTile = 16;
constexpr int kSearchThreads = kTile * kTile;
constexpr Index kMostShared = 47 << 10;  // bytes; of 48 KiB the block's sums want some

// Block: 16 positions of one image. Thread (ty, tx): loads channel ty of position tx and of
// candidate tx; multiplies position ty with candidate tx of each tile, and keeps its best. score,
// match [images, positions], of masked positions.
__global__ void __launch_bounds__(kSearchThreads)
    search_kernel(Global<const float> x, Global<const float> hole, Global<float> y,
                  Global<std::int32_t> best, Global<float> weights, Global<float> score,
                  Global<std::int32_t> match, AssemblyShape shape) {
  OFER_SHARED(float, own, kSearchThreads);         // [channel][position]
  OFER_SHARED(float, candidates, kSearchThreads);  // [channel][candidate]
  const Index tiles = blocks_of<Index>(shape.positions, kTile), image = blockIdx.x / tiles;
  const AssemblyMaps maps(x, x, y, best, weights, image, shape);
  const Global<const float> mask = hole + image * shape.positions;
  const int tx = threadIdx.x % kTile, ty = threadIdx.x / kTile;
  const int first = static_cast<int>(blockIdx.x % tiles) * kTile;
  const bool loads = first + tx < shape.positions;
  const bool masked = loads && mask[first + tx] != 0;

  if (loads && !masked) {
    for (Index c = ty; c < shape.channels; c += kTile)
      maps.y[c * shape.positions + first + tx] = maps.x[c * shape.positions + first + tx];
    if (ty == 0) maps.keep(first + tx, -1, 0.0f, 0.0f, 0.0f);
  }
  // Both halves of every warp hold all 16 positions, so the whole block agrees.
  if (!__any_sync(kAllLanes, masked)) return;

  Match found{-INFINITY, kNowhere};
  for (int tile = 0; tile < shape.positions; tile += kTile) {
    const int candidate = tile + tx;
    const bool exists = candidate < shape.positions;
    float product = 0, square = 0;
    for (Index channel = 0; channel < shape.channels; channel += kTile) {
      const Index plane = (channel + ty) * shape.positions;
      const bool inside = channel + ty < shape.channels;
      __syncthreads();  // the tiles of before have been used
      own[threadIdx.x] = inside && loads ? maps.x[plane + first + tx] : 0.0f;
      candidates[threadIdx.x] = inside && exists ? maps.x[plane + candidate] : 0.0f;
      __syncthreads();
#pragma unroll
      for (int c = 0; c < kTile; ++c) {
        const float other = candidates[c * kTile + tx];
        product += own[c * kTile + ty] * other;
        square += other * other;
      }
    }
    if (!exists || mask[candidate] != 0) continue;
    const float s = score_of(product, square);
    if (s > found.score) found = {s, candidate};
  }
  // The 16 threads of a position are half a warp.
  for (int lane_mask = kTile / 2; lane_mask > 0; lane_mask /= 2) {
    const float other = __shfl_xor_sync(kAllLanes, found.score, lane_mask);
    const std::int32_t at = __shfl_xor_sync(kAllLanes, found.position, lane_mask);
    if (other > found.score || (other == found.score && at < found.position)) found = {other, at};
  }
  if (tx > 0 || first + ty >= shape.positions) return;
  score[image * shape.positions + first + ty] = found.score;
  match[image * shape.positions + first + ty] = found.position;
}

// Block: one image. Every thread touches its own channels of the two vectors alone, so no barrier
// guards them.
__global__ void __launch_bounds__(kAssemblyThreads)
    recurrence_kernel(Global<const float> x, Global<const float> f, Global<const float> hole,
                      Global<float> y, Global<std::int32_t> best, Global<float> weights,
                      Global<const float> score, Global<const std::int32_t> match,
                      AssemblyShape shape) {
  OFER_SHARED_DYNAMIC(float, mean, 0, shape.channels);                               // p_s
  OFER_SHARED_DYNAMIC(float, made, sizeof(float) * shape.channels, shape.channels);  // p_prev
  const AssemblyMaps maps(x, f, y, best, weights, blockIdx.x, shape);
  const Index first = blockIdx.x * shape.positions;
  for (Index c = threadIdx.x; c < shape.channels; c += kAssemblyThreads) made[c] = 0.0f;
  for (int i = 0; i < shape.positions; ++i) {
    if (hole[first + i] == 0) continue;
    const Neighbours around(i, shape);
    float sums[5] = {};
    for (Index c = threadIdx.x; c < shape.channels; c += kAssemblyThreads) {
      const float mine = maps.x[c * shape.positions + i],
                  symmetric = around.mean<float>(maps.f, c * shape.positions), before = made[c];
      sums[0] += mine * mine;
      sums[1] += symmetric * symmetric;
      sums[2] += mine * symmetric;
      sums[3] += before * before;
      sums[4] += mine * before;
      mean[c] = symmetric;
    }
    block_sums<kAssemblyThreads>(sums);
    const Shares share(maps, i, {score[first + i], match[first + i]}, sums);
    for (Index c = threadIdx.x; c < shape.channels; c += kAssemblyThreads) {
      const float known = maps.x[c * shape.positions + share.nearest];
      const float result =
          share.symmetric * mean[c] + share.known * known + share.previous * made[c];
      made[c] = result;
      maps.y[c * shape.positions + i] = result;
    }
  }
}

}  // namespace

void self_assembly_paper_3_tiled_search(const SelfAssemblyPaperArgs<float>& args, Stream& stream) {
  const AssemblyShape shape(args.channels, args.height, args.width);
  const Index places = args.batch * shape.positions;
  if (places == 0) return;
  // More than 6,016 channels have no room here; the production kernel goes through memory for them.
  const Index shared = 2 * shape.channels * static_cast<Index>(sizeof(float));
  if (shared > kMostShared)
    throw DeviceError("self_assembly_paper variant 3: two vectors of " +
                      std::to_string(shape.channels) +
                      " channels do not fit 47 KiB of shared memory");
  float* score = gpu_stream(stream).scratch<float>(0, places);
  std::int32_t* match = gpu_stream(stream).scratch<std::int32_t>(1, places);
  launch("self_assembly_paper variant 3 search", search_kernel,
         {grid_of(args.batch * blocks_of<Index>(shape.positions, kTile)), kSearchThreads}, stream,
         args.x, args.hole, args.y, args.best, args.weights, score, match, shape);
  launch("self_assembly_paper variant 3 recurrence", recurrence_kernel,
         {grid_of(args.batch), kAssemblyThreads, static_cast<std::size_t>(shared)}, stream, args.x,
         args.f, args.hole, args.y, args.best, args.weights, score, match, shape);
}

}  // namespace ofer::kernels::OFER_GPU::variants
