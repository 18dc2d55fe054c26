#include "tests/oracle/oracle.h"

namespace ofer::oracle {

using std::exp;
using test::constant;
using test::exp;

namespace {
template <class R>
R squared_distance(const R* a, const R* b, Index width) {
  R sum = 0;
  for (Index i = 0; i < width; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}
}  // namespace

template <class R>
void svdd_distance(const kernels::SvddDistanceArgs<R>& args) {
  for (Index n = 0; n < args.batch; ++n)
    for (Index l = 0; l < args.positions; ++l) {
      const R* feature = args.feature + (n * args.positions + l) * args.width;
      const R* center = args.center + (args.by_position ? l * args.width : 0);
      args.distance[n * args.positions + l] = squared_distance(feature, center, args.width);
    }
}

template <class R>
void kernel_svdd(const kernels::KernelSvddArgs<R>& args) {
  const R gamma = constant<R>(args.gamma);
  for (Index n = 0; n < args.batch; ++n)
    for (Index l = 0; l < args.positions; ++l) {
      const Index set = args.by_position ? l : 0;
      const R* z = args.z + (n * args.positions + l) * args.width;
      R sum = 0;
      for (Index j = 0; j < args.supports; ++j) {
        const R* support = args.support + (set * args.supports + j) * args.width;
        sum += args.alpha[set * args.supports + j] *
               exp(-gamma * squared_distance(z, support, args.width));
      }
      args.distance[n * args.positions + l] = R(1) - R(2) * sum + args.constant[set];
    }
}

template <class R>
void kernel_svdd_constant(const kernels::KernelSvddConstantArgs<R>& args) {
  const R gamma = constant<R>(args.gamma);
  for (Index set = 0; set < args.sets; ++set) {
    const R* support = args.support + set * args.supports * args.width;
    const R* alpha = args.alpha + set * args.supports;
    R sum = 0;
    for (Index j = 0; j < args.supports; ++j)
      for (Index k = 0; k < args.supports; ++k)
        sum += alpha[j] * alpha[k] *
               exp(-gamma * squared_distance(support + j * args.width, support + k * args.width,
                                             args.width));
    args.constant[set] = sum;
  }
}

OFER_ORACLE(svdd_distance, SvddDistanceArgs)
OFER_ORACLE(kernel_svdd, KernelSvddArgs)
OFER_ORACLE(kernel_svdd_constant, KernelSvddConstantArgs)

}  // namespace ofer::oracle
