#include "engine/ops_support.h"

namespace ofer::ops {

namespace {

template <class T>
kernels::ResizeAxis<T> axis_args(const ResizeAxis& axis) {
  return {axis.first.data<std::int32_t>(), axis.count.data<std::int32_t>(), axis.weight.data<T>(),
          axis.taps};
}

Tensor resample(Session& session, const Tensor& x, std::int64_t height, std::int64_t width,
                bool nearest) {
  check_input(session, x, "resize", "x");
  check_rank(x, 4, 4, "resize", "x");
  require(height > 0 && width > 0 && x.size(2) > 0 && x.size(3) > 0 && height < (1 << 24) &&
              width < (1 << 24) && x.size(2) < (1 << 24) && x.size(3) < (1 << 24),
          ErrorCode::kBadArgument, "resize: ", x.shape(), " to ", height, " x ", width);
  if (x.size(2) == height && x.size(3) == width) return x;
  const std::int64_t planes = x.size(0) * x.size(1), in_height = x.size(2), in_width = x.size(3);
  Tensor y = session.allocate({x.size(0), x.size(1), height, width});
  Tape* tape = follows(session, {&x});
  // What the backward pass needs stays; the rest goes with the scope.
  const Workspace::Scope scope(session.workspace());
  const ResizeAxis horizontal = session.resize_axis(in_width, width, nearest);
  const ResizeAxis vertical = session.resize_axis(in_height, height, nearest);
  const Tensor scratch = session.allocate({planes, in_height, width});
  dispatch(x.dtype(), [&]<class T>() {
    kernels::ResizeArgs<T> args{x.data<T>(),
                                y.data<T>(),
                                scratch.data<T>(),
                                axis_args<T>(horizontal),
                                axis_args<T>(vertical),
                                planes,
                                in_height,
                                in_width,
                                height,
                                width};
    OFER_CALL(session, resize, args);
  });
  if (tape)
    tape->record(y, [=](Session& s, const Tensor& dy) {
      const Tensor dx = s.allocate(x.shape());
      dispatch(dy.dtype(), [&]<class T>() {
        kernels::ResizeBackwardArgs<T> args{dy.data<T>(),
                                            dx.data<T>(),
                                            scratch.data<T>(),
                                            axis_args<T>(horizontal),
                                            axis_args<T>(vertical),
                                            planes,
                                            in_height,
                                            in_width,
                                            height,
                                            width};
        OFER_CALL(s, resize_backward, args);
      });
      s.tape()->add_gradient(s, x, dx);
    });
  return y;
}

}  // namespace

Tensor resize(Session& s, const Tensor& x, std::int64_t height, std::int64_t width) {
  return resample(s, x, height, width, false);
}

Tensor resize_nearest(Session& s, const Tensor& x, std::int64_t height, std::int64_t width) {
  return resample(s, x, height, width, true);
}

}  // namespace ofer::ops
