#include "tests/oracle/oracle.h"

namespace ofer::oracle {

using std::abs;
using std::exp;
using std::log;
using test::abs;
using test::constant;
using test::exp;
using test::log;

template <class R>
void pixel_loss(const kernels::PixelLossArgs<R>& args) {
  R sum = 0, weights = 0;
  for (Index i = 0; i < args.count; ++i) {
    const R weight = args.weight ? args.weight[i] : R(1);
    const R difference = args.x[i] - args.target[i];
    sum += weight *
           (args.function == kernels::PixelLoss::kL1 ? abs(difference) : difference * difference);
    weights += weight;
  }
  args.loss[0] = weights == R(0) ? R(0) : sum / weights;
}

template <class R>
void cross_entropy(const kernels::CrossEntropyArgs<R>& args) {
  R sum = 0, weights = 0;
  for (Index n = 0; n < args.rows; ++n) {
    const R* x = args.x + n * args.classes;
    R largest = x[0];
    for (Index c = 0; c < args.classes; ++c)
      if (x[c] > largest) largest = x[c];
    R exponentials = 0;
    for (Index c = 0; c < args.classes; ++c) exponentials += exp(x[c] - largest);
    for (Index c = 0; c < args.classes; ++c)
      args.log_probability[n * args.classes + c] = (x[c] - largest) - log(exponentials);
    const R weight = args.class_weight ? args.class_weight[args.target[n]] : R(1);
    sum += weight * -args.log_probability[n * args.classes + args.target[n]];
    weights += weight;
  }
  args.loss[0] = sum / weights;
}

namespace {
template <class R>
R mean_of(const R* values, Index count) {
  R sum = 0;
  for (Index i = 0; i < count; ++i) sum += values[i];
  return sum / R(static_cast<double>(count));
}
// mean over values of (value - offset)^2
template <class R>
R mean_square(const R* values, Index count, R offset) {
  R sum = 0;
  for (Index i = 0; i < count; ++i) sum += (values[i] - offset) * (values[i] - offset);
  return sum / R(static_cast<double>(count));
}
}  // namespace

template <class R>
void relativistic_loss(const kernels::RelativisticLossArgs<R>& args) {
  const R margin = constant<R>(args.margin);
  const R real = mean_of(args.real, args.real_count), fake = mean_of(args.fake, args.fake_count);
  args.loss[0] = (mean_square(args.real, args.real_count, fake + margin) +
                  mean_square(args.fake, args.fake_count, real - margin)) /
                 R(2);
}

OFER_ORACLE(pixel_loss, PixelLossArgs)
OFER_ORACLE(cross_entropy, CrossEntropyArgs)
OFER_ORACLE(relativistic_loss, RelativisticLossArgs)

}  // namespace ofer::oracle
