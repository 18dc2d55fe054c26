#include <cmath>

#include "engine/ops_support.h"

namespace ofer::ops {

namespace {

void check_state(Session& session, const Tensor& tensor, const Tensor& parameter,
                 const char* operation, const char* what) {
  check_input(session, tensor, operation, what);
  check_shape(tensor, parameter.shape(), operation, what);
}

}  // namespace

void sgd_step(Session& session, const Tensor& parameter, const Tensor& gradient,
              const Tensor& velocity, const Sgd& o) {
  check_input(session, parameter, "sgd_step", "parameter");
  check_state(session, gradient, parameter, "sgd_step", "gradient");
  if (velocity.defined()) check_state(session, velocity, parameter, "sgd_step", "velocity");
  require(velocity.defined() || o.momentum == 0, ErrorCode::kBadArgument,
          "sgd_step: momentum needs a velocity");
  dispatch(parameter.dtype(), [&]<class T>() {
    kernels::SgdArgs<T> args{parameter.data<T>(), gradient.data<T>(), velocity.data<T>(),
                             parameter.elements(), o.rate,            o.momentum,
                             o.weight_decay,       o.gradient_scale,  o.nesterov};
    OFER_CALL(session, sgd, args);
  });
}

void adam_step(Session& session, const Tensor& parameter, const Tensor& gradient,
               const Tensor& first, const Tensor& second, std::int64_t step, const Adam& o) {
  check_input(session, parameter, "adam_step", "parameter");
  check_state(session, gradient, parameter, "adam_step", "gradient");
  check_state(session, first, parameter, "adam_step", "first");
  check_state(session, second, parameter, "adam_step", "second");
  require(step >= 1, ErrorCode::kBadArgument, "adam_step: step ", step, "; steps count from 1");
  const auto t = static_cast<double>(step);
  dispatch(parameter.dtype(), [&]<class T>() {
    kernels::AdamArgs<T> args{};
    args.parameter = parameter.data<T>();
    args.gradient = gradient.data<T>();
    args.first = first.data<T>();
    args.second = second.data<T>();
    args.count = parameter.elements();
    args.rate = o.rate;
    args.beta1 = o.beta1;
    args.beta2 = o.beta2;
    args.eps = o.eps;
    args.weight_decay = o.weight_decay;
    args.gradient_scale = o.gradient_scale;
    args.correction1 = 1 - std::pow(o.beta1, t);
    args.correction2 = 1 - std::pow(o.beta2, t);
    args.decoupled = o.decoupled;
    OFER_CALL(session, adam, args);
  });
}

}  // namespace ofer::ops
