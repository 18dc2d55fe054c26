// What the variants of layer norm know of a row once its sums are taken.
#pragma once

#include "kernels/cuda/device.cuh"
#include "kernels/norm.h"

namespace ofer::kernels::OFER_GPU::variants {

// From a first mean `high`, and `rest` and `squares`, the sums of d = x - high and of d^2. Not from
// the sums of x and x^2 of a single pass: at a mean of 10,000 and a deviation of 1 a float's x^2
// has no digit left for the deviation. And the mean has two parts, for a float's alone is off by up
// to 5e-4 there, in every result; x - high is exact or nearly so, and `low` is what high misses.
struct RowNorm {
  float high, low, rstd;

  __device__ RowNorm(float first_mean, float rest, float squares, Index columns, float eps) {
    const float n = static_cast<float>(columns);
    high = first_mean;
    low = rest / n;
    const float variance = squares / n - low * low;
    rstd = 1.0f / sqrtf((variance < 0 ? 0.0f : variance) + eps);
  }
  __device__ float mean() const { return high + low; }
  // y = (x - mean) rstd weight + bias
  __device__ float operator()(float x, float weight, float bias) const {
    return ((x - high) - low) * rstd * weight + bias;
  }
  // What is kept for the backward pass (or null), by one thread of the row's.
  __device__ void keep(Global<float> means, Global<float> rstds, Index row) const {
    if (means) means[row] = mean();
    if (rstds) rstds[row] = rstd;
  }
};

}  // namespace ofer::kernels::OFER_GPU::variants
