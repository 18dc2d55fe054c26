#include "engine/ops_support.h"

namespace ofer::ops {

namespace {

// Rows of one image, which a deterministic session multiplies apart from the others'.
std::int64_t group_rows(const Session& session, const Tensor& x) {
  if (!session.deterministic() || x.rank() < 2) return 0;
  return x.shape().product(1, x.rank() - 1);
}

}  // namespace

Tensor linear(Session& session, const Tensor& x, const Tensor& weight, const Tensor& bias,
              const LinearEnd& end) {
  check_input(session, x, "linear", "x");
  check_input(session, weight, "linear", "weight");
  check_rank(x, 1, Shape::kMaxRank, "linear", "x");
  check_rank(weight, 2, 2, "linear", "weight");
  const std::int64_t in = weight.size(1), out = weight.size(0);
  require(x.size(-1) == in, ErrorCode::kBadArgument, "linear: x has shape ",
          x.shape(), ", the weight ", weight.shape());
  if (bias.defined()) {
    check_input(session, bias, "linear", "bias");
    check_shape(bias, {out}, "linear", "bias");
  }
  Shape shape = x.shape();
  shape[-1] = out;
  if (end.residual.defined()) {
    check_input(session, end.residual, "linear", "residual");
    check_shape(end.residual, shape, "linear", "residual");
  }
  const std::int64_t rows = x.shape().product(0, x.rank() - 1);
  if (end.rows)
    require(end.rows->rows() == rows, ErrorCode::kBadArgument, "linear: ", rows,
            " rows, but the packed batch has ", end.rows->rows());

  Tape* tape = follows(session, {&x, &weight, &bias, &end.residual});
  // Nobody needs the residual once it has been added, so its memory serves the result; unless a tape
  // has to keep it.
  const bool in_place = end.residual.defined() && !session.tape();
  Tensor y = in_place ? end.residual : session.allocate(shape);
  y.set_node(0);
  Tensor pre = tape && end.activation != Activation::kNone ? session.allocate(shape) : Tensor{};

  dispatch(x.dtype(), [&]<class T>() {
    kernels::LinearArgs<T> args{};
    args.x = x.data<T>();
    args.weight = weight.data<T>();
    args.bias = bias.data<T>();
    args.residual = end.residual.data<T>();
    args.y = y.data<T>();
    args.pre = pre.data<T>();
    args.rows = rows;
    args.in = in;
    args.out = out;
    args.activation = end.activation;
    args.slope = end.slope;
    if (session.deterministic() && end.rows)
      args.segments = end.rows->segments();
    else
      args.group_rows = end.rows ? 0 : group_rows(session, x);
    OFER_CALL(session, linear, args);
  });

  if (tape)
    tape->record(y, [x, weight, bias, residual = end.residual, pre, act = end.activation,
                     slope = end.slope, rows, in, out, packed = end.rows != nullptr](
                        Session& s, const Tensor& dy) {
      // In training images meet in the loss, and a gradient of their weights has no image.
      const std::int64_t groups = packed || s.training() ? 0 : group_rows(s, x);
      Tape& t = *s.tape();
      if (residual.defined()) t.add_gradient(s, residual, dy, true);
      Tensor dpre = dy;
      const Tensor dx = gradient_for(s, x);
      const Tensor dweight = gradient_for(s, weight);
      const Tensor dbias = gradient_for(s, bias);
      if (!dx.defined() && !dweight.defined() && !dbias.defined()) return;
      if (act != Activation::kNone) dpre = s.allocate(dy.shape());
      dispatch(dy.dtype(), [&]<class T>() {
        if (act != Activation::kNone) {
          kernels::ActivationBackwardArgs<T> args{dy.data<T>(),  pre.data<T>(), dpre.data<T>(),
                                                  dy.elements(), act,           slope};
          OFER_CALL(s, activation_backward, args);
        }
        kernels::LinearBackwardArgs<T> args{dpre.data<T>(),    x.data<T>(),     weight.data<T>(),
                                            dx.data<T>(),      dweight.data<T>(), dbias.data<T>(),
                                            rows,              in,              out,
                                            groups};
        OFER_CALL(s, linear_backward, args);
      });
      if (dx.defined()) t.add_gradient(s, x, dx);
      if (dweight.defined()) t.add_gradient(s, weight, dweight);
      if (dbias.defined()) t.add_gradient(s, bias, dbias);
    });
  return y;
}

Tensor linear_by_position(Session& session, const Tensor& x, const Tensor& weight) {
  const char* name = "linear_by_position";
  check_input(session, x, name, "x");
  check_input(session, weight, name, "weight");
  check_rank(x, 3, 3, name, "x");
  check_rank(weight, 3, 3, name, "weight");
  check_shape(weight, {x.size(1), weight.size(1), x.size(2)}, name, "weight");
  Tensor y = session.allocate({x.size(0), x.size(1), weight.size(1)});
  dispatch(x.dtype(), [&]<class T>() {
    kernels::LinearByPositionArgs<T> args{x.data<T>(), weight.data<T>(), y.data<T>(), x.size(0),
                                          x.size(1),   x.size(2),        weight.size(1)};
    OFER_CALL(session, linear_by_position, args);
  });
  if (Tape* tape = follows(session, {&x, &weight}))
    tape->record(y, [x, weight](Session& s, const Tensor& dy) {
      const Tensor dx = gradient_for(s, x);
      const Tensor dweight = gradient_for(s, weight);
      dispatch(dy.dtype(), [&]<class T>() {
        kernels::LinearByPositionBackwardArgs<T> args{
            dy.data<T>(),      x.data<T>(), weight.data<T>(), dx.data<T>(),
            dweight.data<T>(), x.size(0),   x.size(1),        x.size(2),
            weight.size(1)};
        OFER_CALL(s, linear_by_position_backward, args);
      });
      if (dx.defined()) s.tape()->add_gradient(s, x, dx);
      if (dweight.defined()) s.tape()->add_gradient(s, weight, dweight);
    });
  return y;
}

}  // namespace ofer::ops
