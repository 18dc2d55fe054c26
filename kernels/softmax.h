// Softmax and log-softmax along one axis.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

// x, y [outer, length, inner]; along the middle axis
//   y = exp(x - max) / sum exp(x - max)      (logarithm = false)
//   y = x - max - log sum exp(x - max)       (logarithm = true)
// y may be x.
template <class T>
struct SoftmaxArgs {
  const T* x;
  T* y;
  Index outer, length, inner;
  bool logarithm;
};

// From the forward pass's y:
//   softmax:      dx = y (dy - sum dy y)
//   log-softmax:  dx = dy - exp(y) sum dy
template <class T>
struct SoftmaxBackwardArgs {
  const T* dy;
  const T* y;
  T* dx;
  Index outer, length, inner;
  bool logarithm;
};

}  // namespace ofer::kernels
