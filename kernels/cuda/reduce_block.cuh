// Sums and extremes over a warp and over a block. The order of additions depends on the number of
// threads alone, so the bits do not depend on anything else.
#pragma once

#include "kernels/cuda/device.cuh"

namespace ofer::kernels::OFER_GPU {

constexpr int kWarpSize = 32;
constexpr unsigned kAllLanes = 0xffffffffu;

// Over the 32 lanes, all of which call it and receive the result.
template <class T>
__device__ __forceinline__ T warp_sum(T value) {
  for (int lane_mask = kWarpSize / 2; lane_mask > 0; lane_mask /= 2)
    value += __shfl_xor_sync(kAllLanes, value, lane_mask);
  return value;
}

template <class T>
__device__ __forceinline__ T warp_max(T value) {
  for (int lane_mask = kWarpSize / 2; lane_mask > 0; lane_mask /= 2) {
    const T other = __shfl_xor_sync(kAllLanes, value, lane_mask);
    value = other > value ? other : value;
  }
  return value;
}

// The largest value and the lowest index that has it, over the 32 lanes.
template <class T, class I>
__device__ __forceinline__ void warp_best(T& value, I& index) {
  for (int lane_mask = kWarpSize / 2; lane_mask > 0; lane_mask /= 2) {
    const T other = __shfl_xor_sync(kAllLanes, value, lane_mask);
    const I other_index = __shfl_xor_sync(kAllLanes, index, lane_mask);
    if (other > value || (other == value && other_index < index)) {
      value = other;
      index = other_index;
    }
  }
}

// Of kCount values over a block of kThreads (a multiple of 32), all of which call it and receive the
// results. The array may be used again at once.
template <int kThreads, int kCount, class T>
__device__ __forceinline__ void block_sums(T (&value)[kCount]) {
  static_assert(kThreads % kWarpSize == 0 && kThreads <= 1024);
  constexpr int kWarps = kThreads / kWarpSize;
#pragma unroll
  for (int i = 0; i < kCount; ++i) value[i] = warp_sum(value[i]);
  if constexpr (kWarps > 1) {
    OFER_SHARED(T, partial, kCount * kWarps);
    const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
    __syncthreads();
    if (lane == 0)
      for (int i = 0; i < kCount; ++i) partial[i * kWarps + warp] = value[i];
    __syncthreads();
    for (int i = 0; i < kCount; ++i)
      value[i] = warp_sum(lane < kWarps ? static_cast<T>(partial[i * kWarps + lane]) : T(0));
  }
}

template <int kThreads, class T>
__device__ __forceinline__ T block_sum(T value) {
  T values[1] = {value};
  block_sums<kThreads>(values);
  return values[0];
}

template <int kThreads, class T>
__device__ __forceinline__ T block_max(T value) {
  static_assert(kThreads % kWarpSize == 0 && kThreads <= 1024);
  constexpr int kWarps = kThreads / kWarpSize;
  value = warp_max(value);
  if constexpr (kWarps > 1) {
    OFER_SHARED(T, partial, kWarps);
    const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
    __syncthreads();
    if (lane == 0) partial[warp] = value;
    __syncthreads();
    value = warp_max(static_cast<T>(partial[lane < kWarps ? lane : 0]));
  }
  return value;
}

}  // namespace ofer::kernels::OFER_GPU
