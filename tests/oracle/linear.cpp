#include "tests/oracle/oracle.h"

namespace ofer::oracle {

template <class R>
void linear(const kernels::LinearArgs<R>& args) {
  for (Index r = 0; r < args.rows; ++r)
    for (Index o = 0; o < args.out; ++o) {
      R sum = 0;
      for (Index i = 0; i < args.in; ++i)
        sum += args.x[r * args.in + i] * args.weight[o * args.in + i];
      if (args.bias) sum += args.bias[o];
      if (args.pre) args.pre[r * args.out + o] = sum;
      R y = activate(sum, args.activation, args.slope);
      if (args.residual) y += args.residual[r * args.out + o];
      args.y[r * args.out + o] = y;
    }
}

template <class R>
void linear_by_position(const kernels::LinearByPositionArgs<R>& args) {
  for (Index n = 0; n < args.batch; ++n)
    for (Index l = 0; l < args.positions; ++l)
      for (Index o = 0; o < args.out; ++o) {
        R sum = 0;
        for (Index i = 0; i < args.in; ++i)
          sum += args.x[(n * args.positions + l) * args.in + i] *
                 args.weight[(l * args.out + o) * args.in + i];
        args.y[(n * args.positions + l) * args.out + o] = sum;
      }
}

OFER_ORACLE(linear, LinearArgs)
OFER_ORACLE(linear_by_position, LinearByPositionArgs)

}  // namespace ofer::oracle
