// The pointwise functions that a kernel may end with, and their derivatives, in float:
//
//   __device__ float activate(float v, Activation activation, float slope)             f(v)
//   __device__ float activate_derivative(float v, Activation activation, float slope)  f'(v)
//   with_activation(activation, slope, use)   calls use(f) with f(v) as above, the choice made once
//
// `slope` is kLeakyRelu's alone. The activation is the same for a whole launch, so the branches
// never part the lanes of a warp. NaN stays NaN.
#pragma once

#include "kernels/cuda/device.cuh"

namespace ofer::kernels::OFER_GPU {

// Phi(v) = (1 + erf(v / sqrt(2))) / 2, of the normal distribution.
__device__ __forceinline__ float normal_probability(float v) {
  return 0.5f + 0.5f * erff(v * 0.70710678118654752440f);
}

// kGelu: v Phi(v); kRelu: max(v, 0); kLeakyRelu: v or slope v; kSigmoid: 1 / (1 + exp(-v)).
__device__ __forceinline__ float activate(float v, Activation activation, float slope) {
  switch (activation) {
    case Activation::kGelu:
      return v * normal_probability(v);
    case Activation::kRelu:
      return v < 0.0f ? 0.0f : v;
    case Activation::kLeakyRelu:
      return v < 0.0f ? slope * v : v;
    case Activation::kSigmoid:
      return 1.0f / (1.0f + expf(-v));
    case Activation::kNone:
      break;
  }
  return v;
}

// With respect to v, at v. kGelu: Phi(v) + v exp(-v^2 / 2) / sqrt(2 pi); at 0 both ReLUs have the
// derivative of their negative side.
__device__ __forceinline__ float activate_derivative(float v, Activation activation, float slope) {
  switch (activation) {
    case Activation::kGelu:
      return normal_probability(v) + v * (expf(-0.5f * (v * v)) * 0.39894228040143267794f);
    case Activation::kRelu:
      return v > 0.0f ? 1.0f : 0.0f;
    case Activation::kLeakyRelu:
      return v > 0.0f ? 1.0f : slope;
    case Activation::kSigmoid: {
      const float y = 1.0f / (1.0f + expf(-v));
      return y * (1.0f - y);
    }
    case Activation::kNone:
      break;
  }
  return 1.0f;
}

// For a loop over elements: `use` is compiled once for each function and holds no branch.
template <class Use>
__device__ __forceinline__ void with_activation(Activation activation, float slope, Use use) {
  switch (activation) {
    case Activation::kGelu:
      return use([](float v) { return activate(v, Activation::kGelu, 0); });
    case Activation::kRelu:
      return use([](float v) { return activate(v, Activation::kRelu, 0); });
    case Activation::kLeakyRelu:
      return use([=](float v) { return activate(v, Activation::kLeakyRelu, slope); });
    case Activation::kSigmoid:
      return use([](float v) { return activate(v, Activation::kSigmoid, 0); });
    case Activation::kNone:
      return use([](float v) { return v; });
  }
}

}  // namespace ofer::kernels::OFER_GPU
