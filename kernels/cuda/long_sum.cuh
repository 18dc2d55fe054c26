// Sums of many terms in two stages: every block of the first leaves its part in scratch memory, and
// whoever needs the sum adds the parts. How many parts there are depends on the number of terms
// alone, so the bits do too. Both stages add in double: the sums are bound by memory.
#pragma once

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

constexpr int kSumThreads = 256;
constexpr int kSumMinimum = 8;  // terms (or groups of them) that a thread takes at least
constexpr Index kMostParts =
    1024;  // enough to fill the largest GPU, few enough to add in every block

inline Index parts_of(Index terms) {
  return std::min<Index>(kMostParts, blocks_of<Index>(terms, kSumThreads * kSumMinimum));
}

// Sum of partial[0 .. parts); every thread of a block of kThreads receives it.
template <int kThreads>
__device__ __forceinline__ double sum_of_parts(Global<const double> partial, int parts) {
  double sum = 0;
  for (int i = threadIdx.x; i < parts; i += kThreads) sum += partial[i];
  return block_sum<kThreads>(sum);
}

}  // namespace ofer::kernels::OFER_GPU
