// Largest and smallest elements. NaN counts as more extreme than any number, so that it is not
// lost.
#pragma once

#include "kernels/cpu/simd.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

template <class T>
struct Maximum {
  // Does v take the place of best? Not an equal one: the first stays.
  static OFER_INLINE bool replaces(T v, T best) { return (v > best) | ((v != v) & (best == best)); }
};

template <class T>
struct Minimum {
  static OFER_INLINE bool replaces(T v, T best) { return (v < best) | ((v != v) & (best == best)); }
};

// Of count >= 1 elements; 16 lanes, then over the lanes.
template <class T, class Order>
OFER_INLINE T extreme(const T* x, Index count, Order) {
  constexpr Index kLanes = 16;
  T lanes[kLanes];
  for (int l = 0; l < kLanes; ++l) lanes[l] = x[0];
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int l = 0; l < kLanes; ++l)
      lanes[l] = Order::replaces(x[i + l], lanes[l]) ? x[i + l] : lanes[l];
  for (; i < count; ++i) lanes[0] = Order::replaces(x[i], lanes[0]) ? x[i] : lanes[0];
  T best = lanes[0];
  for (int l = 1; l < kLanes; ++l) best = Order::replaces(lanes[l], best) ? lanes[l] : best;
  return best;
}

// Position of the first element equal to `value` (or the first NaN, when that is NaN).
template <class T>
OFER_INLINE Index first_equal(const T* x, Index count, T value) {
  for (Index i = 0; i < count; ++i)
    if (x[i] == value || (x[i] != x[i] && value != value)) return i;
  return 0;
}

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
