// Functions of one element, or of two with broadcasting.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

// y = f(x), f one of the activations. GELU is the exact one, x Phi(x) with the error function.
template <class T>
struct ActivationArgs {
  const T* x;
  T* y;
  Index count;
  Activation activation;
  double slope;
};

// dx = dy f'(x). dx may be dy. The leaky ReLU's and the ReLU's derivative at 0 is the slope / 0.
template <class T>
struct ActivationBackwardArgs {
  const T* dy;
  const T* x;
  T* dx;
  Index count;
  Activation activation;
  double slope;
};

// The other functions of one element, with a constant or two:
//   kScale: a x + b       kClamp: min(max(x, a), b)     kSquare: x^2
//   kLog: log(x)          kExp: exp(x)                   kSqrt: sqrt(x)
//   kGreater: 1 where x > a, else 0 (no gradient)
enum class Unary : std::uint8_t { kScale, kClamp, kSquare, kLog, kExp, kSqrt, kGreater };

template <class T>
struct UnaryArgs {
  const T* x;
  T* y;
  Index count;
  Unary function;
  double a, b;
};

// dx = dy f'(x). Clamp passes the gradient where a <= x <= b.
template <class T>
struct UnaryBackwardArgs {
  const T* dy;
  const T* x;
  T* dx;
  Index count;
  Unary function;
  double a, b;
};

enum class Binary : std::uint8_t { kAdd, kSubtract, kMultiply, kDivide };

// y = a op b over `shape` (rank axes); the strides of a and b (in elements) are 0 along the axes
// over which that operand is repeated. y is dense and may be a or b when that one is dense too.
template <class T>
struct BinaryArgs {
  const T* a;
  const T* b;
  T* y;
  Binary function;
  int rank;
  Index shape[6];
  Index a_strides[6];
  Index b_strides[6];
};

// y += alpha x, dense.
template <class T>
struct AccumulateArgs {
  const T* x;
  T* y;
  Index count;
  double alpha;
};

template <class T>
struct FillArgs {
  T* y;
  Index count;
  double value;
};

}  // namespace ofer::kernels
