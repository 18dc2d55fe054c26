#include <algorithm>

#include "engine/ops_support.h"

namespace ofer::ops {

Tensor activation(Session& session, const Tensor& x, Activation function, double slope) {
  check_input(session, x, "activation", "x");
  Tensor y = session.allocate(x.shape());
  dispatch(x.dtype(), [&]<class T>() {
    kernels::ActivationArgs<T> args{x.data<T>(), y.data<T>(), x.elements(), function, slope};
    OFER_CALL(session, activation, args);
  });
  if (Tape* tape = follows(session, {&x}))
    tape->record(y, [=](Session& s, const Tensor& dy) {
      const Tensor dx = s.allocate(x.shape());
      dispatch(dy.dtype(), [&]<class T>() {
        kernels::ActivationBackwardArgs<T> args{dy.data<T>(),  x.data<T>(), dx.data<T>(),
                                                x.elements(),  function,    slope};
        OFER_CALL(s, activation_backward, args);
      });
      s.tape()->add_gradient(s, x, dx);
    });
  return y;
}

Tensor gelu(Session& s, const Tensor& x) { return activation(s, x, Activation::kGelu); }
Tensor relu(Session& s, const Tensor& x) { return activation(s, x, Activation::kRelu); }
Tensor leaky_relu(Session& s, const Tensor& x, double slope) {
  return activation(s, x, Activation::kLeakyRelu, slope);
}
Tensor sigmoid(Session& s, const Tensor& x) { return activation(s, x, Activation::kSigmoid); }

namespace {

Tensor unary(Session& session, const Tensor& x, kernels::Unary function, double a = 0,
             double b = 0) {
  check_input(session, x, "unary", "x");
  Tensor y = session.allocate(x.shape());
  dispatch(x.dtype(), [&]<class T>() {
    kernels::UnaryArgs<T> args{x.data<T>(), y.data<T>(), x.elements(), function, a, b};
    OFER_CALL(session, unary, args);
  });
  if (function == kernels::Unary::kGreater) return y;
  if (Tape* tape = follows(session, {&x}))
    tape->record(y, [=](Session& s, const Tensor& dy) {
      const Tensor dx = s.allocate(x.shape());
      dispatch(dy.dtype(), [&]<class T>() {
        kernels::UnaryBackwardArgs<T> args{dy.data<T>(), x.data<T>(), dx.data<T>(), x.elements(),
                                           function,     a,           b};
        OFER_CALL(s, unary_backward, args);
      });
      s.tape()->add_gradient(s, x, dx);
    });
  return y;
}

}  // namespace

Tensor scale(Session& s, const Tensor& x, double factor, double offset) {
  return unary(s, x, kernels::Unary::kScale, factor, offset);
}
Tensor clamp(Session& s, const Tensor& x, double low, double high) {
  return unary(s, x, kernels::Unary::kClamp, low, high);
}
Tensor square(Session& s, const Tensor& x) { return unary(s, x, kernels::Unary::kSquare); }
Tensor square_root(Session& s, const Tensor& x) { return unary(s, x, kernels::Unary::kSqrt); }
Tensor logarithm(Session& s, const Tensor& x) { return unary(s, x, kernels::Unary::kLog); }
Tensor exponential(Session& s, const Tensor& x) { return unary(s, x, kernels::Unary::kExp); }
Tensor greater(Session& s, const Tensor& x, double threshold) {
  return unary(s, x, kernels::Unary::kGreater, threshold);
}

namespace {

// Strides of `operand` inside `shape`, 0 along the axes it is repeated over.
void broadcast_strides(const Shape& operand, const Shape& shape, std::int64_t* strides) {
  std::int64_t stride = 1;
  for (int axis = shape.rank() - 1, own = operand.rank() - 1; axis >= 0; --axis, --own) {
    if (own < 0 || operand[own] == 1) {
      strides[axis] = 0;
      if (own >= 0) stride *= operand[own];
    } else {
      strides[axis] = stride;
      stride *= operand[own];
    }
  }
}

Shape broadcast_shape(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  Shape shape;
  for (int axis = 0; axis < rank; ++axis) {
    const int ia = axis - (rank - a.rank()), ib = axis - (rank - b.rank());
    const std::int64_t ea = ia >= 0 ? a[ia] : 1, eb = ib >= 0 ? b[ib] : 1;
    require(ea == eb || ea == 1 || eb == 1, ErrorCode::kBadArgument, "cannot broadcast ",
            a, " and ", b);
    shape.push_back(ea == 1 ? eb : ea);
  }
  return shape;
}

void run_binary(Session& session, const Tensor& a, const Tensor& b, const Tensor& y,
                kernels::Binary function) {
  dispatch(y.dtype(), [&]<class T>() {
    kernels::BinaryArgs<T> args{};
    args.a = a.data<T>();
    args.b = b.data<T>();
    args.y = y.data<T>();
    args.function = function;
    args.rank = y.rank();
    for (int axis = 0; axis < y.rank(); ++axis) args.shape[axis] = y.size(axis);
    broadcast_strides(a.shape(), y.shape(), args.a_strides);
    broadcast_strides(b.shape(), y.shape(), args.b_strides);
    OFER_CALL(session, binary, args);
  });
}

// Sums a gradient over the axes that `shape` was repeated over.
Tensor sum_to_shape(Session& s, Tensor gradient, const Shape& shape) {
  if (gradient.shape() == shape) return gradient;
  const int extra = gradient.rank() - shape.rank();
  for (int axis = gradient.rank() - 1; axis >= 0; --axis) {
    const bool repeated = axis < extra || (shape[axis - extra] == 1 && gradient.size(axis) != 1);
    if (!repeated) continue;
    Shape kept = gradient.shape();
    kept[axis] = 1;
    gradient = sum(s, gradient, axis).view(kept);
  }
  return gradient.view(shape);
}

Tensor binary(Session& session, const Tensor& a, const Tensor& b, kernels::Binary function) {
  check_input(session, a, "binary", "the first operand");
  check_input(session, b, "binary", "the second operand");
  Tensor y = session.allocate(broadcast_shape(a.shape(), b.shape()));
  run_binary(session, a, b, y, function);
  if (Tape* tape = follows(session, {&a, &b}))
    tape->record(y, [=](Session& s, const Tensor& dy) {
      using kernels::Binary;
      Tape& t = *s.tape();
      // A gradient that is dy itself is shared; whatever was computed here is the input's own.
      const auto give = [&](const Tensor& input, const Tensor& whole) {
        const Tensor summed = sum_to_shape(s, whole, input.shape());
        t.add_gradient(s, input, summed, summed.raw() == dy.raw());
      };
      if (t.wants(a)) {
        if (function == Binary::kMultiply)
          give(a, multiply(s, dy, b));
        else if (function == Binary::kDivide)
          give(a, divide(s, dy, b));
        else
          give(a, dy);
      }
      if (t.wants(b)) {
        if (function == Binary::kAdd)
          give(b, dy);
        else if (function == Binary::kSubtract)
          give(b, scale(s, dy, -1));
        else if (function == Binary::kMultiply)
          give(b, multiply(s, dy, a));
        else  // d (a / b) / d b = -y / b
          give(b, scale(s, divide(s, multiply(s, dy, y), b), -1));
      }
    });
  return y;
}

}  // namespace

Tensor add(Session& s, const Tensor& a, const Tensor& b) {
  return binary(s, a, b, kernels::Binary::kAdd);
}
Tensor subtract(Session& s, const Tensor& a, const Tensor& b) {
  return binary(s, a, b, kernels::Binary::kSubtract);
}
Tensor multiply(Session& s, const Tensor& a, const Tensor& b) {
  return binary(s, a, b, kernels::Binary::kMultiply);
}
Tensor divide(Session& s, const Tensor& a, const Tensor& b) {
  return binary(s, a, b, kernels::Binary::kDivide);
}

namespace {

Tensor softmax_along(Session& session, const Tensor& x, int axis, bool logarithm) {
  check_input(session, x, "softmax", "x");
  const int at = axis_of(x, axis);
  const std::int64_t outer = x.shape().product(0, at), length = x.size(at);
  const std::int64_t inner = x.shape().product(at + 1, x.rank());
  Tensor y = session.allocate(x.shape());
  dispatch(x.dtype(), [&]<class T>() {
    kernels::SoftmaxArgs<T> args{x.data<T>(), y.data<T>(), outer, length, inner, logarithm};
    OFER_CALL(session, softmax, args);
  });
  if (Tape* tape = follows(session, {&x}))
    tape->record(y, [=](Session& s, const Tensor& dy) {
      const Tensor dx = s.allocate(x.shape());
      dispatch(dy.dtype(), [&]<class T>() {
        kernels::SoftmaxBackwardArgs<T> args{dy.data<T>(), y.data<T>(), dx.data<T>(), outer,
                                             length,       inner,       logarithm};
        OFER_CALL(s, softmax_backward, args);
      });
      s.tape()->add_gradient(s, x, dx);
    });
  return y;
}

}  // namespace

Tensor softmax(Session& s, const Tensor& x, int axis) { return softmax_along(s, x, axis, false); }
Tensor log_softmax(Session& s, const Tensor& x, int axis) {
  return softmax_along(s, x, axis, true);
}

void accumulate(Session& session, const Tensor& x, const Tensor& y) {
  check_input(session, x, "accumulate", "x");
  check_input(session, y, "accumulate", "y");
  check_shape(x, y.shape(), "accumulate", "x");
  dispatch(x.dtype(), [&]<class T>() {
    kernels::AccumulateArgs<T> args{x.data<T>(), y.data<T>(), x.elements(), 1.0};
    OFER_CALL(session, accumulate, args);
  });
}

Tensor full(Session& session, const Shape& shape, double value) {
  Tensor y = session.allocate(shape);
  dispatch(y.dtype(), [&]<class T>() {
    kernels::FillArgs<T> args{y.data<T>(), y.elements(), value};
    OFER_CALL(session, fill, args);
  });
  return y;
}

}  // namespace ofer::ops
