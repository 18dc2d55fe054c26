// Largest and smallest elements. NaN counts as more extreme than any number, so that it is not
// lost.
#pragma once

#include "kernels/cpu/simd.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

// An order: `beats` for numbers alone, which vectorises well, and `replaces` for whatever may come.
// Not an equal one replaces: the first stays.
template <class T>
struct Maximum {
  static OFER_INLINE bool beats(T v, T best) { return v > best; }
  static OFER_INLINE bool replaces(T v, T best) { return (v > best) | ((v != v) & (best == best)); }
};

template <class T>
struct Minimum {
  static OFER_INLINE bool beats(T v, T best) { return v < best; }
  static OFER_INLINE bool replaces(T v, T best) { return (v < best) | ((v != v) & (best == best)); }
};

// Of count >= 1 elements, NaN left out unless it is the first: 16 lanes, then over the lanes.
template <class T, class Order>
OFER_INLINE T extreme_number(const T* x, Index count, Order) {
  constexpr Index kLanes = 16;
  T lanes[kLanes];
  for (int l = 0; l < kLanes; ++l) lanes[l] = x[0];
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int l = 0; l < kLanes; ++l)
      lanes[l] = Order::beats(x[i + l], lanes[l]) ? x[i + l] : lanes[l];
  for (; i < count; ++i) lanes[0] = Order::beats(x[i], lanes[0]) ? x[i] : lanes[0];
  T best = lanes[0];
  for (int l = 1; l < kLanes; ++l) best = Order::beats(lanes[l], best) ? lanes[l] : best;
  return best;
}

template <class T>
OFER_INLINE bool has_nan(const T* x, Index count) {
  std::int32_t found = 0;
  for (Index i = 0; i < count; ++i) found |= x[i] != x[i];
  return found != 0;
}

// The same, but NaN where there is one.
template <class T, class Order>
OFER_INLINE T extreme(const T* x, Index count, Order order) {
  return has_nan(x, count) ? static_cast<T>(__builtin_nan("")) : extreme_number(x, count, order);
}

// Position of the first element equal to `value` (or the first NaN, when that is NaN).
template <class T>
OFER_INLINE Index first_equal(const T* x, Index count, T value) {
  for (Index i = 0; i < count; ++i)
    if (x[i] == value || (x[i] != x[i] && value != value)) return i;
  return 0;
}

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
