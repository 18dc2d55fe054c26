// The end of a convolution whose depth was split: the partial sums are added.
#pragma once

#include "kernels/cuda/device.cuh"

namespace ofer::kernels::OFER_GPU {

// Small blocks: the results that are split are few.
constexpr int kSumThreads = 128;

// Partial sums of one launch: they should still be in the second-level cache when they are summed.
constexpr Index kMostPartialSums = 8 << 20;

// y[i] = bias[channel of i] + the splits' partial sums, in their order. y is [N, channels, plane].
// A thread owns one element.
template <class T>
__global__ void __launch_bounds__(kSumThreads)
    sum_splits_kernel(Global<const float> partial, Global<const T> bias, Global<T> y, Index results,
                      int splits, Index channels, Index plane) {
  const Index i = static_cast<Index>(blockIdx.x) * kSumThreads + threadIdx.x;
  if (i >= results) return;
  float sum = 0;
#pragma unroll 8
  for (int s = 0; s < splits; ++s) sum += static_cast<float>(partial[s * results + i]);
  if (bias) sum += static_cast<float>(bias[i / plane % channels]);
  y[i] = T(sum);
}

template <class T>
void sum_splits(const float* partial, const T* bias, T* y, Index results, Index splits,
                Index channels, Index plane, Stream& stream) {
  launch("conv_sum_splits", sum_splits_kernel<T>,
         {grid_of(blocks_of<Index>(results, kSumThreads)), kSumThreads}, stream, partial, bias, y,
         results, static_cast<int>(splits), channels, plane);
}

}  // namespace ofer::kernels::OFER_GPU
