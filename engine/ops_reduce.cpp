#include "engine/ops_support.h"

namespace ofer::ops {

namespace {

Tensor pool(Session& session, const Tensor& x, const Pool2d& o, bool is_maximum) {
  check_input(session, x, "pool2d", "x");
  check_rank(x, 4, 4, "pool2d", "x");
  require(o.kernel > 0 && o.stride > 0 && o.pad >= 0 && o.pad < o.kernel, ErrorCode::kBadArgument,
          "pool2d: kernel ", o.kernel, ", stride ", o.stride, ", padding ", o.pad);
  require(x.size(2) + 2 * o.pad >= o.kernel && x.size(3) + 2 * o.pad >= o.kernel,
          ErrorCode::kBadArgument, "pool2d: the window is larger than the padded map ",
          x.shape());
  kernels::PoolGeometry g{};
  g.planes = x.size(0) * x.size(1);
  g.in_height = x.size(2);
  g.in_width = x.size(3);
  g.out_height = (x.size(2) + 2 * o.pad - o.kernel) / o.stride + 1;
  g.out_width = (x.size(3) + 2 * o.pad - o.kernel) / o.stride + 1;
  g.kernel_h = g.kernel_w = o.kernel;
  g.stride_h = g.stride_w = o.stride;
  g.pad_h = g.pad_w = o.pad;
  Tape* tape = follows(session, {&x});
  Tensor y = session.allocate({x.size(0), x.size(1), g.out_height, g.out_width});
  const Tensor argmax = tape && is_maximum ? session.allocate(y.shape(), DType::kI32) : Tensor{};
  dispatch(x.dtype(), [&]<class T>() {
    kernels::Pool2dArgs<T> args{g, x.data<T>(), y.data<T>(), argmax.data<std::int32_t>(),
                                is_maximum};
    OFER_CALL(session, pool2d, args);
  });
  if (tape)
    tape->record(y, [=](Session& s, const Tensor& dy) {
      const Tensor dx = s.allocate(x.shape());
      dispatch(dy.dtype(), [&]<class T>() {
        kernels::Pool2dBackwardArgs<T> args{g, dy.data<T>(), argmax.data<std::int32_t>(),
                                            dx.data<T>(), is_maximum};
        OFER_CALL(s, pool2d_backward, args);
      });
      s.tape()->add_gradient(s, x, dx);
    });
  return y;
}

}  // namespace

Tensor average_pool(Session& session, const Tensor& x, const Pool2d& options) {
  return pool(session, x, options, false);
}

Tensor max_pool(Session& session, const Tensor& x, const Pool2d& options) {
  return pool(session, x, options, true);
}

Tensor select_top(Session& session, const Tensor& x, std::int64_t count) {
  check_input(session, x, "select_top", "x");
  check_rank(x, 2, 2, "select_top", "x");
  Tensor mask = session.allocate(x.shape());
  dispatch(x.dtype(), [&]<class T>() {
    kernels::SelectTopArgs<T> args{x.data<T>(), mask.data<T>(), x.size(0), x.size(1), count};
    OFER_CALL(session, select_top, args);
  });
  return mask;
}

namespace {

Tensor reduce(Session& session, const Tensor& x, int axis, kernels::Reduction function) {
  using kernels::Reduction;
  check_input(session, x, "reduce", "x");
  const int at = axis_of(x, axis);
  const bool extreme = function == Reduction::kMaximum || function == Reduction::kMinimum;
  require(!extreme || x.size(at) > 0, ErrorCode::kBadArgument, "the extreme of no elements");
  const std::int64_t outer = x.shape().product(0, at), length = x.size(at),
                     inner = x.shape().product(at + 1, x.rank());
  Shape shape;
  for (int k = 0; k < x.rank(); ++k)
    if (k != at) shape.push_back(x.size(k));
  if (shape.rank() == 0) shape.push_back(1);
  Tape* tape = follows(session, {&x});
  Tensor y = session.allocate(shape);
  const Tensor argument = tape && extreme ? session.allocate(shape, DType::kI32) : Tensor{};
  dispatch(x.dtype(), [&]<class T>() {
    kernels::ReduceArgs<T> args{x.data<T>(), y.data<T>(), argument.data<std::int32_t>(), outer,
                                length,      inner,       function};
    OFER_CALL(session, reduce, args);
  });
  if (tape)
    tape->record(y, [=](Session& s, const Tensor& dy) {
      const Tensor dx = s.allocate(x.shape());
      dispatch(dy.dtype(), [&]<class T>() {
        kernels::ReduceBackwardArgs<T> args{dy.data<T>(), argument.data<std::int32_t>(),
                                            dx.data<T>(), outer, length, inner, function};
        OFER_CALL(s, reduce_backward, args);
      });
      s.tape()->add_gradient(s, x, dx);
    });
  return y;
}

}  // namespace

Tensor sum(Session& s, const Tensor& x, int axis) {
  return reduce(s, x, axis, kernels::Reduction::kSum);
}
Tensor mean(Session& s, const Tensor& x, int axis) {
  return reduce(s, x, axis, kernels::Reduction::kMean);
}
Tensor maximum(Session& s, const Tensor& x, int axis) {
  return reduce(s, x, axis, kernels::Reduction::kMaximum);
}
Tensor minimum(Session& s, const Tensor& x, int axis) {
  return reduce(s, x, axis, kernels::Reduction::kMinimum);
}

}  // namespace ofer::ops
