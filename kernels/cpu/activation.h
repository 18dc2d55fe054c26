// The pointwise functions that a kernel may end with, and their derivatives.
#pragma once

#include "kernels/cpu/vector_math.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

// Each function is an object: y = f(x), and derivative(x) = f'(x). NaN stays NaN.
template <class T>
struct Identity {
  OFER_INLINE T operator()(T x) const { return x; }
  OFER_INLINE T derivative(T) const { return T(1); }
};

// x Phi(x), Phi(x) = (1 + erf(x / sqrt(2))) / 2; derivative Phi(x) + x exp(-x^2 / 2) / sqrt(2 pi).
template <class T>
struct Gelu {
  static OFER_INLINE T phi(T x) { return T(0.5) + T(0.5) * erf_of(x * T(0.70710678118654752440)); }
  OFER_INLINE T operator()(T x) const { return x * phi(x); }
  OFER_INLINE T derivative(T x) const {
    return phi(x) + x * (exp_of(T(-0.5) * (x * x)) * T(0.39894228040143267794));
  }
};

template <class T>
struct Relu {
  OFER_INLINE T operator()(T x) const { return x < T(0) ? T(0) : x; }
  OFER_INLINE T derivative(T x) const { return x > T(0) ? T(1) : T(0); }
};

template <class T>
struct LeakyRelu {
  T slope;
  OFER_INLINE T operator()(T x) const { return x < T(0) ? slope * x : x; }
  OFER_INLINE T derivative(T x) const { return x > T(0) ? T(1) : slope; }
};

template <class T>
struct Sigmoid {
  OFER_INLINE T operator()(T x) const { return T(1) / (T(1) + exp_of(-x)); }
  OFER_INLINE T derivative(T x) const {
    const T y = (*this)(x);
    return y * (T(1) - y);
  }
};

// Calls use(f) with the function object of `activation`.
template <class T, class F>
OFER_INLINE void with_activation(Activation activation, T slope, F&& use) {
  switch (activation) {
    case Activation::kNone:
      use(Identity<T>{});
      break;
    case Activation::kGelu:
      use(Gelu<T>{});
      break;
    case Activation::kRelu:
      use(Relu<T>{});
      break;
    case Activation::kLeakyRelu:
      use(LeakyRelu<T>{slope});
      break;
    case Activation::kSigmoid:
      use(Sigmoid<T>{});
      break;
  }
}

// y[i] = f(y[i]), on the calling thread.
template <class T>
void activate(T* y, Index count, Activation activation, T slope) {
  if (activation == Activation::kNone) return;
  with_activation<T>(activation, slope, [&](auto f) {
    for (Index i = 0; i < count; ++i) y[i] = f(y[i]);
  });
}

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
