// What the variants of self-assembly share: the best match of a position by a block, and the step
// that makes a position from it. They differ in where these are called and what they read.
#pragma once

#include "kernels/cuda/assembly.cuh"
#include "kernels/self_assembly.h"

namespace ofer::kernels::OFER_GPU::variants {

constexpr int kAssemblyThreads = 256;

// A candidate's max(0, <x_i, x_j> / |x_j|), and its position, kNowhere for none. S(x_i, x_j) is the
// score over |x_i|, which does not change which candidate is best.
struct Match {
  float score;
  std::int32_t position;
};
constexpr std::int32_t kNowhere = 0x7fffffff;

// 0 for a candidate of length zero.
__device__ __forceinline__ float score_of(float product, float square) {
  const float score = product / sqrtf(square);
  return score > 0 ? score : 0.0f;
}

// S(a, b) from <a, b> and |a| |b|.
__device__ __forceinline__ float similarity(float product, float lengths) {
  if (lengths == 0) return 0.0f;
  const float value = product / lengths;
  return value < 0 ? 0.0f : value;
}

// Of the unmasked positions the one of largest score, the first of equals. The block takes a
// position a thread, 256 at a time, so neighbours read neighbours of a channel's map; all threads
// call it and receive the result. x and hole begin at the image.
__device__ inline Match best_match(Global<const float> x, Global<const float> hole, int position,
                                   const AssemblyShape& shape) {
  constexpr int kWarps = kAssemblyThreads / kWarpSize;
  OFER_SHARED(float, scores, kWarps);
  OFER_SHARED(std::int32_t, positions, kWarps);
  Match best{-INFINITY, kNowhere};
  for (int j = threadIdx.x; j < shape.positions; j += kAssemblyThreads) {
    if (hole[j] != 0) continue;
    float product = 0, square = 0;
    for (Index c = 0; c < shape.channels; ++c) {
      const float candidate = x[c * shape.positions + j];
      product += x[c * shape.positions + position] * candidate;
      square += candidate * candidate;
    }
    const float score = score_of(product, square);
    if (score > best.score) best = {score, j};
  }
  warp_best(best.score, best.position);
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  __syncthreads();  // those of before have been read
  if (lane == 0) {
    scores[warp] = best.score;
    positions[warp] = best.position;
  }
  __syncthreads();
  best = {scores[lane % kWarps], positions[lane % kWarps]};
  warp_best(best.score, best.position);
  return best;
}

// An image's maps: x, f, y [channels, positions], and what is kept, best [positions] and
// weights [positions, 3], which may be null.
struct AssemblyMaps {
  Global<const float> x, f;
  Global<float> y;
  Global<std::int32_t> best = nullptr;
  Global<float> weights = nullptr;

  __device__ AssemblyMaps(Global<const float> all_x, Global<const float> all_f, Global<float> all_y,
                          Global<std::int32_t> all_best, Global<float> all_weights, Index image,
                          const AssemblyShape& shape) {
    const Index first = image * shape.positions;
    x = all_x + first * shape.channels;
    f = all_f + first * shape.channels;
    y = all_y + first * shape.channels;
    if (all_best) best = all_best + first;
    if (all_weights) weights = all_weights + first * 3;
  }

  // By one thread.
  __device__ void keep(int position, std::int32_t match, float symmetric, float known,
                       float previous) const {
    if (best) best[position] = match;
    if (!weights) return;
    weights[position * 3] = symmetric;
    weights[position * 3 + 1] = known;
    weights[position * 3 + 2] = previous;
  }
};

// The shares of a step: y_i = symmetric p_s + known p_k + previous p_prev, where p_k is the vector
// of `nearest`.
struct Shares {
  float symmetric, known, previous;
  int nearest;

  // From the sums over the channels |x_i|^2, |p_s|^2, <x_i, p_s>, |p_prev|^2, <x_i, p_prev>.
  // Writes what is kept.
  __device__ Shares(const AssemblyMaps& maps, int position, const Match& match,
                    const float (&sums)[5]) {
    const bool any_known = match.position != kNowhere;
    const float length = sqrtf(sums[0]);
    symmetric = similarity(sums[2], length * sqrtf(sums[1]));
    known = any_known ? similarity(match.score, length) : 0.0f;
    previous = similarity(sums[4], length * sqrtf(sums[3]));
    nearest = any_known ? static_cast<int>(match.position) : position;
    if (threadIdx.x == 0)
      maps.keep(position, any_known ? match.position : -1, symmetric, known, previous);
    const float sum = symmetric + known + previous;
    const bool plain = weightless(sum);
    symmetric = plain ? 0.0f : symmetric / sum;
    known = plain ? 1.0f : known / sum;
    previous = plain ? 0.0f : previous / sum;
  }
};

// Makes y at a masked position, by a block; all threads call it. `previous` is the masked position
// before, or negative. Thread t has the channels t, t + 256, ..., of every position, so it reads
// of y what it wrote itself.
__device__ inline void assemble_position(const AssemblyMaps& maps, int position, const Match& match,
                                         int previous, const AssemblyShape& shape) {
  const Neighbours around(position, shape);
  const auto before = [&](Index plane) {
    return previous < 0 ? 0.0f : static_cast<float>(maps.y[plane + previous]);
  };
  float sums[5] = {};
  for (Index c = threadIdx.x; c < shape.channels; c += kAssemblyThreads) {
    const Index plane = c * shape.positions;
    const float own = maps.x[plane + position], mean = around.mean<float>(maps.f, plane),
                made = before(plane);
    sums[0] += own * own;
    sums[1] += mean * mean;
    sums[2] += own * mean;
    sums[3] += made * made;
    sums[4] += own * made;
  }
  block_sums<kAssemblyThreads>(sums);
  const Shares share(maps, position, match, sums);
  for (Index c = threadIdx.x; c < shape.channels; c += kAssemblyThreads) {
    const Index plane = c * shape.positions;
    maps.y[plane + position] = share.symmetric * around.mean<float>(maps.f, plane) +
                               share.known * maps.x[plane + share.nearest] +
                               share.previous * before(plane);
  }
}

// y = x at an unmasked position, by a block.
__device__ inline void keep_position(const AssemblyMaps& maps, int position,
                                     const AssemblyShape& shape) {
  for (Index c = threadIdx.x; c < shape.channels; c += kAssemblyThreads)
    maps.y[c * shape.positions + position] = maps.x[c * shape.positions + position];
  if (threadIdx.x == 0) maps.keep(position, -1, 0.0f, 0.0f, 0.0f);
}

}  // namespace ofer::kernels::OFER_GPU::variants
