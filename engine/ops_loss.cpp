#include "engine/ops_support.h"

namespace ofer::ops {

namespace {

Tensor pixel_loss(Session& session, const Tensor& x, const Tensor& target, const Tensor& weight,
                  kernels::PixelLoss function) {
  check_input(session, x, "pixel_loss", "x");
  check_input(session, target, "pixel_loss", "target");
  check_shape(target, x.shape(), "pixel_loss", "target");
  if (weight.defined()) {
    check_input(session, weight, "pixel_loss", "weight");
    check_shape(weight, x.shape(), "pixel_loss", "weight");
  }
  Tensor loss = session.allocate({1});
  dispatch(x.dtype(), [&]<class T>() {
    kernels::PixelLossArgs<T> args{x.data<T>(),    target.data<T>(), weight.data<T>(),
                                   loss.data<T>(), x.elements(),     function};
    OFER_CALL(session, pixel_loss, args);
  });
  if (Tape* tape = follows(session, {&x, &target}))
    tape->record(loss, [=](Session& s, const Tensor& dloss) {
      // Both losses depend on x - target alone: the target's gradient is minus the other.
      const Tensor dx = s.allocate(x.shape());
      dispatch(dloss.dtype(), [&]<class T>() {
        kernels::PixelLossBackwardArgs<T> args{dloss.data<T>(), x.data<T>(),  target.data<T>(),
                                               weight.data<T>(), dx.data<T>(), x.elements(),
                                               function};
        OFER_CALL(s, pixel_loss_backward, args);
      });
      const bool for_target = s.tape()->wants(target);
      if (for_target) s.tape()->add_gradient(s, target, scale(s, dx, -1));
      s.tape()->add_gradient(s, x, dx);
    });
  return loss;
}

}  // namespace

Tensor l1_loss(Session& session, const Tensor& x, const Tensor& target, const Tensor& weight) {
  return pixel_loss(session, x, target, weight, kernels::PixelLoss::kL1);
}

Tensor mean_square_loss(Session& session, const Tensor& x, const Tensor& target,
                        const Tensor& weight) {
  return pixel_loss(session, x, target, weight, kernels::PixelLoss::kMeanSquare);
}

Tensor cross_entropy(Session& session, const Tensor& x, const Tensor& target,
                     const Tensor& class_weight) {
  check_input(session, x, "cross_entropy", "x");
  check_rank(x, 2, 2, "cross_entropy", "x");
  require(target.defined() && target.dtype() == DType::kI32, ErrorCode::kBadArgument,
          "cross_entropy: the target must be i32");
  check_shape(target, {x.size(0)}, "cross_entropy", "target");
  if (class_weight.defined()) {
    check_input(session, class_weight, "cross_entropy", "class_weight");
    check_shape(class_weight, {x.size(1)}, "cross_entropy", "class_weight");
  }
  Tensor loss = session.allocate({1});
  const Tensor log_probability = session.allocate(x.shape());
  dispatch(x.dtype(), [&]<class T>() {
    kernels::CrossEntropyArgs<T> args{x.data<T>(),
                                      target.data<std::int32_t>(),
                                      class_weight.data<T>(),
                                      loss.data<T>(),
                                      log_probability.data<T>(),
                                      x.size(0),
                                      x.size(1)};
    OFER_CALL(session, cross_entropy, args);
  });
  if (Tape* tape = follows(session, {&x}))
    tape->record(loss, [=](Session& s, const Tensor& dloss) {
      const Tensor dx = s.allocate(x.shape());
      dispatch(dloss.dtype(), [&]<class T>() {
        kernels::CrossEntropyBackwardArgs<T> args{dloss.data<T>(),
                                                  target.data<std::int32_t>(),
                                                  class_weight.data<T>(),
                                                  log_probability.data<T>(),
                                                  dx.data<T>(),
                                                  x.size(0),
                                                  x.size(1)};
        OFER_CALL(s, cross_entropy_backward, args);
      });
      s.tape()->add_gradient(s, x, dx);
    });
  return loss;
}

Tensor relativistic_loss(Session& session, const Tensor& real, const Tensor& fake, double margin) {
  check_input(session, real, "relativistic_loss", "real");
  check_input(session, fake, "relativistic_loss", "fake");
  Tensor loss = session.allocate({1});
  dispatch(real.dtype(), [&]<class T>() {
    kernels::RelativisticLossArgs<T> args{real.data<T>(),  fake.data<T>(),  loss.data<T>(),
                                          real.elements(), fake.elements(), margin};
    OFER_CALL(session, relativistic_loss, args);
  });
  if (Tape* tape = follows(session, {&real, &fake}))
    tape->record(loss, [=](Session& s, const Tensor& dloss) {
      const Tensor dreal = gradient_for(s, real), dfake = gradient_for(s, fake);
      dispatch(dloss.dtype(), [&]<class T>() {
        kernels::RelativisticLossBackwardArgs<T> args{
            dloss.data<T>(), real.data<T>(),  fake.data<T>(),  dreal.data<T>(),
            dfake.data<T>(), real.elements(), fake.elements(), margin};
        OFER_CALL(s, relativistic_loss_backward, args);
      });
      if (dreal.defined()) s.tape()->add_gradient(s, real, dreal);
      if (dfake.defined()) s.tape()->add_gradient(s, fake, dfake);
    });
  return loss;
}

}  // namespace ofer::ops
