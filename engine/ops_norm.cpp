#include "engine/ops_support.h"

namespace ofer::ops {

using kernels::Wide;

namespace {

// Gradients of input, weight and bias, and their hand-over; the same for all three norms.
struct NormGradients {
  Tensor dx, dweight, dbias;

  NormGradients(Session& s, const Tensor& x, const Tensor& weight, const Tensor& bias)
      : dx(gradient_for(s, x)), dweight(gradient_for(s, weight)), dbias(gradient_for(s, bias)) {}

  void hand_over(Session& s, const Tensor& x, const Tensor& weight, const Tensor& bias) const {
    if (dx.defined()) s.tape()->add_gradient(s, x, dx);
    if (dweight.defined()) s.tape()->add_gradient(s, weight, dweight);
    if (dbias.defined()) s.tape()->add_gradient(s, bias, dbias);
  }

  // What the backward steps of all three are given.
  template <class Args, class T>
  Args arguments(const Tensor& dy, const Tensor& x, const Tensor& weight, const Tensor& mean,
                 const Tensor& rstd) const {
    Args args{};
    args.dy = dy.data<T>();
    args.x = x.data<T>();
    args.weight = weight.data<T>();
    args.mean = mean.data<Wide<T>>();
    args.rstd = rstd.data<Wide<T>>();
    args.dx = dx.data<T>();
    args.dweight = dweight.data<T>();
    args.dbias = dbias.data<T>();
    return args;
  }
};

// Memory for something that the forward pass keeps.
Tensor statistic(Session& session, const Shape& shape) {
  return session.allocate(shape, wide(session.dtype()));
}

void check_norm(Session& session, const Tensor& x, const Tensor& weight, const Tensor& bias,
                std::int64_t channels, const char* name) {
  check_input(session, x, name, "x");
  check_input(session, weight, name, "weight");
  check_input(session, bias, name, "bias");
  check_shape(weight, {channels}, name, "weight");
  check_shape(bias, {channels}, name, "bias");
}

}  // namespace

Tensor layer_norm(Session& session, const Tensor& x, const Tensor& weight, const Tensor& bias,
                  double eps) {
  check_rank(x, 1, Shape::kMaxRank, "layer_norm", "x");
  const std::int64_t columns = x.size(-1), rows = x.shape().product(0, x.rank() - 1);
  check_norm(session, x, weight, bias, columns, "layer_norm");
  Tensor y = session.allocate(x.shape());
  Tape* tape = follows(session, {&x, &weight, &bias});
  const Tensor mean = tape ? statistic(session, {rows}) : Tensor{};
  const Tensor rstd = tape ? statistic(session, {rows}) : Tensor{};
  dispatch(x.dtype(), [&]<class T>() {
    kernels::LayerNormArgs<T> args{x.data<T>(),
                                   weight.data<T>(),
                                   bias.data<T>(),
                                   y.data<T>(),
                                   mean.data<Wide<T>>(),
                                   rstd.data<Wide<T>>(),
                                   rows,
                                   columns,
                                   eps};
    OFER_CALL(session, layer_norm, args);
  });
  if (tape)
    tape->record(y, [x, weight, bias, mean, rstd, rows, columns](Session& s, const Tensor& dy) {
      const NormGradients g(s, x, weight, bias);
      dispatch(dy.dtype(), [&]<class T>() {
        auto args = g.arguments<kernels::LayerNormBackwardArgs<T>, T>(dy, x, weight, mean, rstd);
        args.rows = rows;
        args.columns = columns;
        OFER_CALL(s, layer_norm_backward, args);
      });
      g.hand_over(s, x, weight, bias);
    });
  return y;
}

Tensor instance_norm(Session& session, const Tensor& x, const Tensor& weight, const Tensor& bias,
                     double eps, bool in_place) {
  check_rank(x, 3, Shape::kMaxRank, "instance_norm", "x");
  const std::int64_t batch = x.size(0), channels = x.size(1);
  const std::int64_t positions = x.shape().product(2, x.rank());
  check_norm(session, x, weight, bias, channels, "instance_norm");
  Tape* tape = follows(session, {&x, &weight, &bias});
  Tensor y = in_place && !session.tape() ? x : session.allocate(x.shape());
  const Tensor mean = tape ? statistic(session, {batch, channels}) : Tensor{};
  const Tensor rstd = tape ? statistic(session, {batch, channels}) : Tensor{};
  dispatch(x.dtype(), [&]<class T>() {
    kernels::InstanceNormArgs<T> args{};
    args.x = x.data<T>();
    args.weight = weight.data<T>();
    args.bias = bias.data<T>();
    args.y = y.data<T>();
    args.mean = mean.data<Wide<T>>();
    args.rstd = rstd.data<Wide<T>>();
    args.batch = batch;
    args.channels = channels;
    args.positions = positions;
    args.eps = eps;
    OFER_CALL(session, instance_norm, args);
  });
  if (tape)
    tape->record(y, [=](Session& s, const Tensor& dy) {
      const NormGradients g(s, x, weight, bias);
      dispatch(dy.dtype(), [&]<class T>() {
        auto args = g.arguments<kernels::InstanceNormBackwardArgs<T>, T>(dy, x, weight, mean, rstd);
        args.batch = batch;
        args.channels = channels;
        args.positions = positions;
        OFER_CALL(s, instance_norm_backward, args);
      });
      g.hand_over(s, x, weight, bias);
    });
  return y;
}

Tensor batch_norm(Session& session, const Tensor& x, const BatchNorm& norm) {
  check_rank(x, 2, Shape::kMaxRank, "batch_norm", "x");
  const std::int64_t batch = x.size(0), channels = x.size(1);
  const std::int64_t positions = x.shape().product(2, x.rank());
  check_norm(session, x, norm.weight, norm.bias, channels, "batch_norm");
  check_input(session, norm.mean, "batch_norm", "mean");
  check_input(session, norm.variance, "batch_norm", "variance");
  check_shape(norm.mean, {channels}, "batch_norm", "mean");
  check_shape(norm.variance, {channels}, "batch_norm", "variance");
  Tape* tape = follows(session, {&x, &norm.weight, &norm.bias});
  Tensor y = session.allocate(x.shape());
  const bool keep = tape != nullptr || norm.training;
  const Tensor mean = keep ? statistic(session, {channels}) : Tensor{};
  const Tensor rstd = keep ? statistic(session, {channels}) : Tensor{};
  dispatch(x.dtype(), [&]<class T>() {
    kernels::BatchNormArgs<T> args{x.data<T>(),
                                   norm.weight.data<T>(),
                                   norm.bias.data<T>(),
                                   norm.mean.data<T>(),
                                   norm.variance.data<T>(),
                                   y.data<T>(),
                                   mean.data<Wide<T>>(),
                                   rstd.data<Wide<T>>(),
                                   batch,
                                   channels,
                                   positions,
                                   norm.eps,
                                   norm.momentum,
                                   norm.training};
    OFER_CALL(session, batch_norm, args);
  });
  if (tape)
    tape->record(y, [=, weight = norm.weight, bias = norm.bias, training = norm.training](
                        Session& s, const Tensor& dy) {
      const NormGradients g(s, x, weight, bias);
      dispatch(dy.dtype(), [&]<class T>() {
        auto args = g.arguments<kernels::BatchNormBackwardArgs<T>, T>(dy, x, weight, mean, rstd);
        args.batch = batch;
        args.channels = channels;
        args.positions = positions;
        args.training = training;
        OFER_CALL(s, batch_norm_backward, args);
      });
      g.hand_over(s, x, weight, bias);
    });
  return y;
}

}  // namespace ofer::ops
