// Sums, means and extremes along axes.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

enum class Reduction : std::uint8_t { kSum, kMean, kMaximum, kMinimum };

// x [outer, length, inner] -> y [outer, inner], along the middle axis. Sums are pairwise or
// compensated, so that their error does not grow with the length. `argument` [outer, inner] (or
// null): position of the first extreme, for kMaximum and kMinimum.
template <class T>
struct ReduceArgs {
  const T* x;
  T* y;
  std::int32_t* argument;
  Index outer, length, inner;
  Reduction function;
};

// dx [outer, length, inner] from dy [outer, inner]; extremes pass it to their argument alone.
template <class T>
struct ReduceBackwardArgs {
  const T* dy;
  const std::int32_t* argument;
  T* dx;
  Index outer, length, inner;
  Reduction function;
};

}  // namespace ofer::kernels
