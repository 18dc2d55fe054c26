// A team: the threads that share one row of a tensor. As many as the row's length wants, from a
// single thread to a whole block, so that a plane of four positions and one of 65,536 both keep a
// GPU busy.
#pragma once

#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

// kSize threads, each with kElements of the row at a time. `kHeld`: that is the whole row, which
// stays in registers; otherwise they walk along it and read it again for every use.
template <int kSize_, int kElements_, bool kHeld_ = true>
struct Team {
  static constexpr int kSize = kSize_, kElements = kElements_;
  static constexpr bool kHeld = kHeld_;
  static_assert((kSize & (kSize - 1)) == 0 && kSize <= 1024);

  // Teams of a warp or less: 64 threads a block, the fewest with which 32 blocks fill a
  // multiprocessor, so that 197 rows of one image spread over 99 of them.
  static constexpr int kThreads = kSize <= kWarpSize ? 64 : kSize;
  static constexpr int kPerBlock = kThreads / kSize;

  // The running thread's team, counted over the grid, and its place in it.
  static __device__ __forceinline__ Index number() {
    return static_cast<Index>(blockIdx.x) * kPerBlock + threadIdx.x / kSize;
  }
  static __device__ __forceinline__ int rank() { return threadIdx.x % kSize; }
};

// Sums of kCount values over each team; all threads of the block call it, all receive the results.
// The order depends on kSize alone.
template <class Team, int kCount, class T>
__device__ __forceinline__ void team_sums(T (&value)[kCount]) {
  if constexpr (Team::kSize > kWarpSize) {
    block_sums<Team::kSize>(value);
  } else {
#pragma unroll
    for (int i = 0; i < kCount; ++i)
      for (int lane_mask = Team::kSize / 2; lane_mask > 0; lane_mask /= 2)
        value[i] += __shfl_xor_sync(kAllLanes, value[i], lane_mask);
  }
}

template <class Team, class T>
__device__ __forceinline__ T team_sum(T value) {
  T values[1] = {value};
  team_sums<Team>(values);
  return values[0];
}

template <class Team>
__device__ __forceinline__ float team_max(float value) {
  if constexpr (Team::kSize > kWarpSize) {
    return block_max<Team::kSize>(value);
  } else {
    for (int lane_mask = Team::kSize / 2; lane_mask > 0; lane_mask /= 2)
      value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, lane_mask));
    return value;
  }
}

}  // namespace ofer::kernels::OFER_GPU
