#include "tests/oracle/oracle.h"

namespace ofer::oracle {

using std::sqrt;
using test::constant;
using test::sqrt;

template <class R>
void sgd(const kernels::SgdArgs<R>& args) {
  const R rate = constant<R>(args.rate), momentum = constant<R>(args.momentum);
  const R decay = constant<R>(args.weight_decay), scale = constant<R>(args.gradient_scale);
  for (Index i = 0; i < args.count; ++i) {
    const R g = scale * args.gradient[i] + decay * args.parameter[i];
    R step = g;
    if (args.velocity && args.momentum != 0) {
      const R v = momentum * args.velocity[i] + g;
      args.velocity[i] = v;
      step = args.nesterov ? g + momentum * v : v;
    }
    args.parameter[i] = args.parameter[i] - rate * step;
  }
}

template <class R>
void adam(const kernels::AdamArgs<R>& args) {
  const R rate = constant<R>(args.rate), decay = constant<R>(args.weight_decay);
  const R beta1 = constant<R>(args.beta1), beta2 = constant<R>(args.beta2);
  const R eps = constant<R>(args.eps), scale = constant<R>(args.gradient_scale);
  const R fresh1 = constant<R>(1 - args.beta1), fresh2 = constant<R>(1 - args.beta2);
  for (Index i = 0; i < args.count; ++i) {
    const R p = args.parameter[i];
    R g = scale * args.gradient[i];
    if (!args.decoupled) g = g + decay * p;
    const R m = beta1 * args.first[i] + fresh1 * g;
    const R v = beta2 * args.second[i] + fresh2 * (g * g);
    args.first[i] = m;
    args.second[i] = v;
    const R step = rate * (m / constant<R>(args.correction1)) /
                   (sqrt(v / constant<R>(args.correction2)) + eps);
    const R kept = args.decoupled ? p - rate * decay * p : p;
    args.parameter[i] = kept - step;
  }
}

OFER_ORACLE(sgd, SgdArgs)
OFER_ORACLE(adam, AdamArgs)

}  // namespace ofer::oracle
