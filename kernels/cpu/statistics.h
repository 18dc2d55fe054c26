// Mean and variance in two passes, and the elements with the mean taken off them.
#pragma once

#include "kernels/cpu/sums.h"
#include "kernels/cpu/vector_math.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

// A mean in two parts: `high` is near the elements, so x - high is exact or nearly so, and `low` is
// what high misses. With a mean of 1e4 and a deviation of 1 a float's mean alone is off by up to
// 5e-4, which would show in every normalised element.
template <class T>
struct Mean {
  T high = 0, low = 0;
  OFER_INLINE T centred(T x) const { return (x - high) - low; }
  OFER_INLINE double value() const { return static_cast<double>(high) + static_cast<double>(low); }
};

template <class T>
struct Statistics {
  Mean<T> mean;
  double variance = 0;  // divided by the count
};

// A double near `value` with a float's digits. Elements often have few digits themselves (they came
// from floats or pixels): a subtrahend with all 53 bits would then round all the differences in the
// same direction, and their mean with them.
OFER_INLINE double few_digits(double value) {
  constexpr double kLargestFloat = 3.4e38;
  return value > -kLargestFloat && value < kLargestFloat
             ? static_cast<double>(static_cast<float>(value))
             : value;
}
OFER_INLINE float few_digits(float value) {
  return value;
}

// Of `rows` rows of `count` elements that lie `stride` apart.
template <class T>
OFER_INLINE Statistics<T> statistics(const T* x, Index rows, Index count, Index stride) {
  Statistics<T> result;
  const double n = static_cast<double>(rows * count);
  double sum = 0;
  for (Index row = 0; row < rows; ++row) {
    const T* r = x + row * stride;
    sum += lane_sum<T>(count, [=](Index i) { return r[i]; });
  }
  const T high = few_digits(static_cast<T>(sum / n));
  double rest = 0, squares = 0;
  for (Index row = 0; row < rows; ++row) {
    const T* r = x + row * stride;
    double row_rest, row_squares;
    lane_sums<T>(
        count, [=](Index i) { return r[i] - high; },
        [=](Index i) { return (r[i] - high) * (r[i] - high); }, row_rest, row_squares);
    rest += row_rest;
    squares += row_squares;
  }
  rest /= n;
  const double variance = squares / n - rest * rest;
  result.mean = {high, static_cast<T>(rest)};
  result.variance = variance < 0 ? 0 : variance;
  return result;
}

// What a mean that was kept as one T misses: mean of x - mean.
template <class T>
OFER_INLINE Mean<T> refine_mean(const T* x, Index count, T mean) {
  const double rest = lane_sum<T>(count, [=](Index i) { return x[i] - mean; });
  return {mean, static_cast<T>(rest / static_cast<double>(count))};
}

template <class T>
OFER_INLINE T reciprocal_deviation(double variance, double eps) {
  return static_cast<T>(1.0 / sqrt_of(variance + eps));
}

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
