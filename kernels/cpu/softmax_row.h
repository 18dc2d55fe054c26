// Softmax of one row of neighbouring elements, length >= 1.
#pragma once

#include "kernels/cpu/extremes.h"
#include "kernels/cpu/sums.h"
#include "kernels/cpu/vector_math.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

// y = softmax(x); y may be x.
template <class T>
void softmax_row(const T* x, T* y, Index length) {
  const T top = extreme_number(x, length, Maximum<T>{});  // exp brings NaN back
  OFER_INDEPENDENT
  for (Index i = 0; i < length; ++i) y[i] = exp_of(x[i] - top);
  const T scale = static_cast<T>(1.0 / lane_sum<T>(length, [=](Index i) { return y[i]; }));
  for (Index i = 0; i < length; ++i) y[i] *= scale;
}

// y = log softmax(x); y may be x.
template <class T>
void log_softmax_row(const T* x, T* y, Index length) {
  const T top = extreme_number(x, length, Maximum<T>{});  // exp brings NaN back
  double total = 0;
  constexpr Index kChunk = 256;
  for (Index begin = 0; begin < length; begin += kChunk) {
    T e[kChunk];
    const Index count = smaller(kChunk, length - begin);
    for (Index i = 0; i < count; ++i) e[i] = exp_of(x[begin + i] - top);
    total += lane_sum<T>(count, [&](Index i) { return e[i]; });
  }
  const T log_total = static_cast<T>(log_of(total));
  OFER_INDEPENDENT
  for (Index i = 0; i < length; ++i) y[i] = (x[i] - top) - log_total;
}

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
