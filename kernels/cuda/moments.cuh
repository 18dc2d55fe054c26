// Mean and variance of a row in two passes, and the elements with the mean taken off them.
#pragma once

#include "kernels/cuda/row.cuh"

namespace ofer::kernels::OFER_GPU {

// A mean in two parts: `high` is near the elements, so x - high is exact or nearly so, and `low` is
// what high misses. With a mean of 1e4 and a deviation of 1 a float's mean alone is off by up to
// 5e-4, which would show in every normalised element.
struct Mean {
  float high = 0, low = 0;
  __device__ __forceinline__ float centred(float x) const { return (x - high) - low; }
  __device__ __forceinline__ float value() const { return high + low; }
};

struct Moments {
  Mean mean;
  float variance;  // divided by the count
};

// Of the row's first array; all threads of the block call it. The mean first, then the squared
// deviations: a one-pass variance loses everything when the mean is large.
template <class Team, class Row>
__device__ __forceinline__ Moments moments(Row& row, int count) {
  using Sum = typename Row::Sum;
  Sum sum = 0;
  row.for_each([&](const auto& v, int) { sum += static_cast<Sum>(v[0]); });
  const Sum n = static_cast<Sum>(count);
  Moments result;
  result.mean.high = static_cast<float>(team_sum<Team>(sum) / n);
  Sum totals[2] = {};
  row.for_each([&](const auto& v, int) {
    const float deviation = v[0] - result.mean.high;
    totals[0] += static_cast<Sum>(deviation);
    totals[1] += static_cast<Sum>(deviation * deviation);
  });
  team_sums<Team>(totals);
  const Sum rest = totals[0] / n, variance = totals[1] / n - rest * rest;
  result.mean.low = static_cast<float>(rest);
  result.variance = variance < 0 ? 0.0f : static_cast<float>(variance);
  return result;
}

// Sums for a gradient through a norm, of a row of gradients g and elements x (arrays 0 and 1), with
// d = x - mean: of d, of g and of g d.
template <class Team, class Row, class Gradient>
__device__ __forceinline__ void gradient_sums(Row& row, float mean, Gradient gradient,
                                              typename Row::Sum (&totals)[3]) {
  using Sum = typename Row::Sum;
  for (Sum& total : totals) total = 0;
  row.for_each([&](const auto& v, int) {
    const float g = gradient(v), deviation = v[1] - mean;
    totals[0] += static_cast<Sum>(deviation);
    totals[1] += static_cast<Sum>(g);
    totals[2] += static_cast<Sum>(g * deviation);
  });
  team_sums<Team>(totals);
}

// The same as the gradient wants them: what `mean`, kept as one number, misses, and the sums of g
// and of g with the normalised element, rstd (d - low).
struct NormSums {
  float low, sum, product;
};

template <class Team, class Row, class Gradient>
__device__ __forceinline__ NormSums norm_sums(Row& row, int count, float mean, float rstd,
                                              Gradient gradient) {
  using Sum = typename Row::Sum;
  Sum totals[3];
  gradient_sums<Team>(row, mean, gradient, totals);
  const Sum low = totals[0] / static_cast<Sum>(count);
  return {static_cast<float>(low), static_cast<float>(totals[1]),
          static_cast<float>(static_cast<Sum>(rstd) * (totals[2] - low * totals[1]))};
}

}  // namespace ofer::kernels::OFER_GPU
