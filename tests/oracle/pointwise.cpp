#include "tests/oracle/oracle.h"

namespace ofer::oracle {

using std::erf;
using std::exp;
using std::log;
using std::sqrt;
using test::constant;
using test::erf;
using test::exp;
using test::leaky;
using test::log;
using test::rectified;
using test::sqrt;

template <class R>
R activate(R v, Activation activation, double slope) {
  switch (activation) {
    case Activation::kNone:
      return v;
    case Activation::kGelu:
      return v * (constant<R>(0.5) * (R(1) + erf(v * constant<R>(0.70710678118654752))));
    case Activation::kRelu:
      return rectified(v);
    case Activation::kLeakyRelu:
      return leaky(v, constant<R>(slope));
    // The same function written twice, so that the exponential does not overflow.
    case Activation::kSigmoid:
      return v > R(0) ? R(1) / (R(1) + exp(-v)) : exp(v) / (R(1) + exp(v));
  }
  return v;
}
template double activate<double>(double, Activation, double);
template test::Measured activate<test::Measured>(test::Measured, Activation, double);

template <class R>
void activation(const kernels::ActivationArgs<R>& args) {
  for (Index i = 0; i < args.count; ++i)
    args.y[i] = activate(args.x[i], args.activation, args.slope);
}

template <class R>
void unary(const kernels::UnaryArgs<R>& args) {
  using kernels::Unary;
  const R a = constant<R>(args.a), b = constant<R>(args.b);
  for (Index i = 0; i < args.count; ++i) {
    const R x = args.x[i];
    switch (args.function) {
      case Unary::kScale:
        args.y[i] = a * x + b;
        break;
      case Unary::kClamp:
        args.y[i] = x < a ? a : x > b ? b : x;
        break;
      case Unary::kSquare:
        args.y[i] = x * x;
        break;
      case Unary::kLog:
        args.y[i] = log(x);
        break;
      case Unary::kExp:
        args.y[i] = exp(x);
        break;
      case Unary::kSqrt:
        args.y[i] = sqrt(x);
        break;
      case Unary::kGreater:
        args.y[i] = x > a ? R(1) : R(0);
        break;
    }
  }
}

template <class R>
void binary(const kernels::BinaryArgs<R>& args) {
  using kernels::Binary;
  Index count = 1;
  for (int axis = 0; axis < args.rank; ++axis) count *= args.shape[axis];
  for (Index i = 0; i < count; ++i) {
    Index rest = i, at_a = 0, at_b = 0;
    for (int axis = args.rank - 1; axis >= 0; --axis) {
      const Index index = rest % args.shape[axis];
      rest /= args.shape[axis];
      at_a += index * args.a_strides[axis];
      at_b += index * args.b_strides[axis];
    }
    const R a = args.a[at_a], b = args.b[at_b];
    switch (args.function) {
      case Binary::kAdd:
        args.y[i] = a + b;
        break;
      case Binary::kSubtract:
        args.y[i] = a - b;
        break;
      case Binary::kMultiply:
        args.y[i] = a * b;
        break;
      case Binary::kDivide:
        args.y[i] = a / b;
        break;
    }
  }
}

template <class R>
void accumulate(const kernels::AccumulateArgs<R>& args) {
  for (Index i = 0; i < args.count; ++i) args.y[i] += constant<R>(args.alpha) * args.x[i];
}

template <class R>
void fill(const kernels::FillArgs<R>& args) {
  for (Index i = 0; i < args.count; ++i) args.y[i] = constant<R>(args.value);
}

OFER_ORACLE(activation, ActivationArgs)
OFER_ORACLE(unary, UnaryArgs)
OFER_ORACLE(binary, BinaryArgs)
OFER_ORACLE(accumulate, AccumulateArgs)
OFER_ORACLE(fill, FillArgs)

}  // namespace ofer::oracle
