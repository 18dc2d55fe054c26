// One step of an optimiser over the elements of one parameter.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

// Stochastic gradient descent with momentum, as PyTorch defines it:
//   g = gradient_scale gradient + weight_decay p
//   v = momentum v + g        (without `velocity`, or with momentum 0: v = g, and nothing is kept)
//   p -= rate (nesterov ? g + momentum v : v)
// parameter, gradient, velocity [count]; velocity starts as zeros, or is null.
template <class T>
struct SgdArgs {
  T* parameter;
  const T* gradient;
  T* velocity;
  Index count;
  double rate, momentum, weight_decay, gradient_scale;
  bool nesterov;
};

// Adam (Kingma and Ba, 2015), and with `decoupled` AdamW (Loshchilov and Hutter, 2019):
//   g = gradient_scale gradient + (decoupled ? 0 : weight_decay p)
//   m = beta1 m + (1 - beta1) g,   v = beta2 v + (1 - beta2) g^2
//   p = (1 - (decoupled ? rate weight_decay : 0)) p - rate (m / c1) / (sqrt(v / c2) + eps)
// with c1 = 1 - beta1^t, c2 = 1 - beta2^t of step t = 1, 2, ... given by the caller.
// parameter, gradient, first (m), second (v) [count].
template <class T>
struct AdamArgs {
  T* parameter;
  const T* gradient;
  T* first;
  T* second;
  Index count;
  double rate, beta1, beta2, eps, weight_decay, gradient_scale;
  double correction1, correction2;  // c1, c2
  bool decoupled;
};

}  // namespace ofer::kernels
