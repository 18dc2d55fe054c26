// What a linear map does with each sum: bias, activation, residual.
#pragma once

#include "kernels/cuda/activation.cuh"
#include "kernels/cuda/device.cuh"

namespace ofer::kernels::OFER_GPU {

struct LinearEnd {
  Activation activation;
  float slope;
};

// y[at] = act(sum + bias[column]) + residual[at]; pre[at] keeps what the activation is of. Null
// arrays are left out. The residual may be y's own memory.
template <class T>
__device__ __forceinline__ void finish_linear(float sum, Index at, Index column,
                                              Global<const T> bias, Global<const T> residual,
                                              Global<T> y, Global<T> pre, LinearEnd end) {
  if (bias) sum += static_cast<float>(bias[column]);
  if (pre) pre[at] = T(sum);
  sum = activate(sum, end.activation, end.slope);
  if (residual) sum += static_cast<float>(residual[at]);
  y[at] = T(sum);
}

}  // namespace ofer::kernels::OFER_GPU
