#include "tests/oracle/oracle.h"

namespace ofer::oracle {

using std::sqrt;
using test::constant;
using test::sqrt;

template <class R>
void layer_norm(const kernels::LayerNormArgs<R>& args) {
  const double count = static_cast<double>(args.columns);
  for (Index r = 0; r < args.rows; ++r) {
    const R* x = args.x + r * args.columns;
    R sum = 0;
    for (Index c = 0; c < args.columns; ++c) sum += x[c];
    const R mean = sum / R(count);
    R squares = 0;
    for (Index c = 0; c < args.columns; ++c) squares += (x[c] - mean) * (x[c] - mean);
    const R rstd = R(1) / sqrt(squares / R(count) + constant<R>(args.eps));
    for (Index c = 0; c < args.columns; ++c)
      args.y[r * args.columns + c] = (x[c] - mean) * rstd * args.weight[c] + args.bias[c];
    if (args.mean) args.mean[r] = mean;
    if (args.rstd) args.rstd[r] = rstd;
  }
}

template <class R>
void instance_norm(const kernels::InstanceNormArgs<R>& args) {
  const double count = static_cast<double>(args.positions);
  for (Index n = 0; n < args.batch; ++n)
    for (Index c = 0; c < args.channels; ++c) {
      const Index start = (n * args.channels + c) * args.positions;
      const R* x = args.x + start;
      R sum = 0;
      for (Index i = 0; i < args.positions; ++i) sum += x[i];
      const R mean = sum / R(count);
      R squares = 0;
      for (Index i = 0; i < args.positions; ++i) squares += (x[i] - mean) * (x[i] - mean);
      const R rstd = R(1) / sqrt(squares / R(count) + constant<R>(args.eps));
      for (Index i = 0; i < args.positions; ++i)
        args.y[start + i] = activate((x[i] - mean) * rstd * args.weight[c] + args.bias[c],
                                     args.activation, args.slope);
      if (args.mean) args.mean[n * args.channels + c] = mean;
      if (args.rstd) args.rstd[n * args.channels + c] = rstd;
    }
}

template <class R>
void batch_norm(const kernels::BatchNormArgs<R>& args) {
  const double count = static_cast<double>(args.batch * args.positions);
  for (Index c = 0; c < args.channels; ++c) {
    const auto at = [&](Index n, Index i) { return (n * args.channels + c) * args.positions + i; };
    R mean, variance;
    if (args.training) {
      R sum = 0;
      for (Index n = 0; n < args.batch; ++n)
        for (Index i = 0; i < args.positions; ++i) sum += args.x[at(n, i)];
      mean = sum / R(count);
      R squares = 0;
      for (Index n = 0; n < args.batch; ++n)
        for (Index i = 0; i < args.positions; ++i) {
          const R distance = args.x[at(n, i)] - mean;
          squares += distance * distance;
        }
      variance = squares / R(count);
      const R unbiased = squares / R(count - 1), momentum = constant<R>(args.momentum);
      args.running_mean[c] += momentum * (mean - args.running_mean[c]);
      args.running_variance[c] += momentum * (unbiased - args.running_variance[c]);
    } else {
      mean = args.running_mean[c];
      variance = args.running_variance[c];
    }
    const R rstd = R(1) / sqrt(variance + constant<R>(args.eps));
    for (Index n = 0; n < args.batch; ++n)
      for (Index i = 0; i < args.positions; ++i)
        args.y[at(n, i)] = (args.x[at(n, i)] - mean) * rstd * args.weight[c] + args.bias[c];
    if (args.mean) args.mean[c] = mean;
    if (args.rstd) args.rstd[c] = rstd;
  }
}

OFER_ORACLE(layer_norm, LayerNormArgs)
OFER_ORACLE(instance_norm, InstanceNormArgs)
OFER_ORACLE(batch_norm, BatchNormArgs)

}  // namespace ofer::oracle
