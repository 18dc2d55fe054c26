// The search of the self-assembly layers: for each query vector the candidate with the largest
// similarity. A tiled product that keeps the best of a tile and never writes a score.
#pragma once

#include "kernels/cuda/assembly.cuh"

namespace ofer::kernels::OFER_GPU {

// A block's tile: 64 queries x 64 candidates, 16 channels at a time; 8 x 16 threads of 8 x 4 scores
// each. One image with half of its 1024 positions masked gives 64 blocks.
constexpr int kSearchTile = 64;
constexpr int kSearchDepth = 16;
constexpr int kQueriesPer = 8;
constexpr int kCandidatesPer = 4;
constexpr int kSearchAcross = kSearchTile / kCandidatesPer;
constexpr int kSearchThreads = kSearchTile / kQueriesPer * kSearchAcross;
constexpr int kSearchStage = kSearchDepth * kSearchTile;  // floats of one operand
constexpr int kSearchSharedBytes = 2 * 2 * kSearchStage * static_cast<int>(sizeof(float));

constexpr float kNoScore = -INFINITY;
constexpr std::int32_t kNoPosition = 0x7fffffff;

enum class Score : std::uint8_t {
  kCosine,  // max(0, <q, k> / |k|), 0 for k of length zero
  kSigned,  // <q, k> / (|k| + 1e-8)
};

inline Index search_tiles(const AssemblyShape& shape) {
  return blocks_of<Index>(shape.positions, kSearchTile);
}

// value, match [images, positions, tiles]: of query number q the largest score in a tile of
// candidates and the position of the first that has it. Query q is vector masked[q] of `queries`,
// or vector q where `masked` is null, for q < the number of masked positions. Candidates are the
// known positions of `candidates`, or all where `known` is null.
//
// Block: image, query tile, candidate tile, the last one fastest; those beyond an image's counts
// end at once. Thread: loads column t % 64 of both operands, every second channel; computes queries
// 8 (t / 16)
// .., candidates 4 (t % 16) ... The 16 threads of a query lie in half a warp. While one stage of
// shared memory is worked on, the next is on its way to registers.
//
// The lengths of the candidates are summed up on the way. Equal vectors get equal scores, since
// every score is summed in the same order, and a maximum does not depend on the order it is sought
// in: so the first of equals is found whatever the tiles.
template <class T>
__global__ void __launch_bounds__(kSearchThreads)
    search_kernel(Global<const T> queries, Global<const T> candidates,
                  Global<const std::int32_t> counts, Global<const std::int32_t> masked,
                  Global<const std::int32_t> known, Global<float> value, Global<std::int32_t> match,
                  AssemblyShape shape, Score score) {
  OFER_SHARED_DYNAMIC(float, query_tile, 0, 2 * kSearchStage);
  OFER_SHARED_DYNAMIC(float, candidate_tile, 2 * kSearchStage * sizeof(float), 2 * kSearchStage);
  OFER_SHARED(float, squares, kSearchThreads);
  constexpr int kLines = kSearchThreads / kSearchTile;  // channels loaded at once
  constexpr int kLoads = kSearchDepth / kLines;
  const Index tiles = blocks_of<Index>(shape.positions, kSearchTile);
  const Index image = blockIdx.x / (tiles * tiles);
  const Index first_query = blockIdx.x / tiles % tiles * kSearchTile;
  const Index tile = blockIdx.x % tiles, first_candidate = tile * kSearchTile;
  const Index query_count = counts[2 * image + 1];
  const Index candidate_count = known ? static_cast<Index>(counts[2 * image]) : shape.positions;
  if (first_query >= query_count || first_candidate >= candidate_count) return;
  const Index list = image * shape.positions, map = image * shape.channels * shape.positions;

  const int column = threadIdx.x % kSearchTile, line = threadIdx.x / kSearchTile;
  const bool has_query = first_query + column < query_count;
  const bool has_candidate = first_candidate + column < candidate_count;
  Index query_at = map, candidate_at = map;
  if (has_query)
    query_at +=
        masked ? static_cast<Index>(masked[list + first_query + column]) : first_query + column;
  if (has_candidate)
    candidate_at += known ? static_cast<Index>(known[list + first_candidate + column])
                          : first_candidate + column;
  float next_query[kLoads], next_candidate[kLoads];
  const auto fetch = [&](Index channel) {
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      const Index c = channel + line + i * kLines;
      const Index offset = c * shape.positions;
      next_query[i] =
          has_query && c < shape.channels ? static_cast<float>(queries[query_at + offset]) : 0.0f;
      next_candidate[i] = has_candidate && c < shape.channels
                              ? static_cast<float>(candidates[candidate_at + offset])
                              : 0.0f;
    }
  };

  const int q0 = threadIdx.x / kSearchAcross * kQueriesPer;
  const int k0 = threadIdx.x % kSearchAcross * kCandidatesPer;
  float product[kQueriesPer][kCandidatesPer] = {};
  float square = 0;
  int stage = 0;
  fetch(0);
  for (Index channel = 0; channel < shape.channels; channel += kSearchDepth) {
    const int base = stage * kSearchStage;
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      const int at = base + (line + i * kLines) * kSearchTile + column;
      query_tile[at] = next_query[i];
      candidate_tile[at] = next_candidate[i];
      square += next_candidate[i] * next_candidate[i];
    }
    __syncthreads();
    if (channel + kSearchDepth < shape.channels) fetch(channel + kSearchDepth);
#pragma unroll
    for (int c = 0; c < kSearchDepth; ++c) {
      const int at = base + c * kSearchTile;
      Quad q[kQueriesPer / kQuad];
      for (int i = 0; i < kQueriesPer / kQuad; ++i)
        q[i] = load_vector<kQuad>(query_tile, at + q0 + i * kQuad);
      const Quad k = load_vector<kQuad>(candidate_tile, at + k0);
      for (int i = 0; i < kQueriesPer; ++i)
        for (int j = 0; j < kCandidatesPer; ++j) product[i][j] += q[i / kQuad][i % kQuad] * k[j];
    }
    stage = 1 - stage;
  }
  squares[threadIdx.x] = square;
  __syncthreads();

  float length[kCandidatesPer];
  std::int32_t position[kCandidatesPer];
  for (int j = 0; j < kCandidatesPer; ++j) {
    float sum = 0;
    for (int l = 0; l < kLines; ++l) sum += squares[l * kSearchTile + k0 + j];
    length[j] = score == Score::kCosine ? sqrtf(sum) : sqrtf(sum) + 1e-8f;
    position[j] = kNoPosition;
    const Index k = first_candidate + k0 + j;
    if (k < candidate_count)
      position[j] = known ? static_cast<std::int32_t>(known[list + k]) : static_cast<int>(k);
  }
  for (int i = 0; i < kQueriesPer; ++i) {
    float best = kNoScore;
    std::int32_t at = kNoPosition;
    for (int j = 0; j < kCandidatesPer; ++j) {
      if (position[j] == kNoPosition) continue;
      float s = product[i][j] / length[j];
      // Whatever is not a number here (also 0 / 0) is nobody's best match.
      if (score == Score::kCosine) s = s > 0 ? s : 0.0f;
      if (!(s > kNoScore)) s = kNoScore;
      if (at == kNoPosition || s > best) {
        best = s;
        at = position[j];
      }
    }
    for (int lane_mask = kSearchAcross / 2; lane_mask > 0; lane_mask /= 2) {
      const float other = __shfl_xor_sync(kAllLanes, best, lane_mask);
      const std::int32_t other_at = __shfl_xor_sync(kAllLanes, at, lane_mask);
      if (other > best || (other == best && other_at < at)) {
        best = other;
        at = other_at;
      }
    }
    const Index q = first_query + q0 + i;
    if (k0 == 0 && q < query_count) {
      value[(list + q) * tiles + tile] = best;
      match[(list + q) * tiles + tile] = at;
    }
  }
}

// Of the tiles' best for one query the best, the first of equals; by a warp.
__device__ __forceinline__ void best_of_tiles(Global<const float> value,
                                              Global<const std::int32_t> match, Index query,
                                              Index tiles, Index used, float& best,
                                              std::int32_t& at) {
  best = kNoScore;
  at = kNoPosition;
  for (Index t = threadIdx.x % kWarpSize; t < used; t += kWarpSize) {
    const float other = value[query * tiles + t];
    const std::int32_t other_at = match[query * tiles + t];
    if (at == kNoPosition || other > best) {
      best = other;
      at = other_at;
    }
  }
  warp_best(best, at);
}

template <class T>
void launch_search(const T* queries, const T* candidates, const std::int32_t* counts,
                   const std::int32_t* masked, const std::int32_t* known, float* value,
                   std::int32_t* match, Index images, const AssemblyShape& shape, Score score,
                   Stream& stream) {
  const Index tiles = search_tiles(shape);
  launch("self_assembly search", search_kernel<T>,
         {grid_of(images * tiles * tiles), kSearchThreads, kSearchSharedBytes}, stream, queries,
         candidates, counts, masked, known, value, match, shape, score);
}

}  // namespace ofer::kernels::OFER_GPU
