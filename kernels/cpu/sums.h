// Sums of many terms that stay accurate and come in an order fixed by their number alone: 16 lanes
// side by side (vector code), folded pairwise into a double after every block.
#pragma once

#include "kernels/cpu/simd.h"
#include "kernels/cpu/threads.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

// 64 terms a lane between two folds: few enough that their rounding errors stay below a float's.
inline constexpr Index kSumLanes = 16;
inline constexpr Index kSumBlock = 64 * kSumLanes;

template <class T>
OFER_INLINE double fold_lanes(const T* lanes) {
  double pairs[8];
  for (int l = 0; l < 8; ++l)
    pairs[l] = static_cast<double>(lanes[l]) + static_cast<double>(lanes[l + 8]);
  return ((pairs[0] + pairs[4]) + (pairs[1] + pairs[5])) +
         ((pairs[2] + pairs[6]) + (pairs[3] + pairs[7]));
}

// Sum of term(i) over i in [begin, end), at most kSumBlock of them.
template <class T, class F>
OFER_INLINE double block_sum(Index begin, Index end, const F& term) {
  T lanes[kSumLanes] = {};
  Index i = begin;
  for (; i + kSumLanes <= end; i += kSumLanes)
    for (int l = 0; l < kSumLanes; ++l) lanes[l] += term(i + l);
  for (int l = 0; i < end; ++i, ++l) lanes[l] += term(i);
  return fold_lanes(lanes);
}

// Sum of term(i) over i in [0, count).
template <class T, class F>
OFER_INLINE double lane_sum(Index count, const F& term) {
  double total = 0;
  for (Index block = 0; block < count; block += kSumBlock)
    total += block_sum<T>(block, smaller(count, block + kSumBlock), term);
  return total;
}

// Several sums over the same i; block by block, so that the elements are read from memory once.
template <class T, class F, class G>
OFER_INLINE void lane_sums(Index count, const F& f, const G& g, double& f_total, double& g_total) {
  f_total = g_total = 0;
  for (Index block = 0; block < count; block += kSumBlock) {
    const Index end = smaller(count, block + kSumBlock);
    f_total += block_sum<T>(block, end, f);
    g_total += block_sum<T>(block, end, g);
  }
}

// <x, y>
template <class T>
OFER_INLINE double dot(const T* x, const T* y, Index count) {
  return lane_sum<T>(count, [=](Index i) { return x[i] * y[i]; });
}

// Sum of term(i) over i in [0, count) with the stream's threads: parts of fixed length, whose sums
// are added in order. Uses shared scratch slot 0.
template <class T, class F>
double parallel_sum(CpuStream& stream, Index count, const F& term) {
  constexpr Index kPart = 64 * kSumBlock;
  const Index parts = blocks_of(count, kPart);
  double* sums = stream.shared_scratch<double>(0, parts);
  stream.parallel_for(parts, 1, [&](Index first, Index last, int) {
    for (Index part = first; part < last; ++part) {
      const Index begin = part * kPart;
      sums[part] =
          lane_sum<T>(smaller(kPart, count - begin), [&](Index i) { return term(begin + i); });
    }
  });
  double total = 0;
  for (Index part = 0; part < parts; ++part) total += sums[part];
  return total;
}

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
