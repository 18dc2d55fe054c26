#include <vector>

#include "tests/oracle/oracle.h"

namespace ofer::oracle {

using test::rectified;

template <class R>
void grad_cam(const kernels::GradCamArgs<R>& args) {
  for (Index n = 0; n < args.batch; ++n) {
    std::vector<R> map(static_cast<std::size_t>(args.positions), R(0));
    for (Index k = 0; k < args.channels; ++k) {
      const R* a = args.a + (n * args.channels + k) * args.positions;
      const R* g = args.g + (n * args.channels + k) * args.positions;
      R sum_a = 0, weight = 0;
      for (Index i = 0; i < args.positions; ++i) sum_a += a[i];
      for (Index i = 0; i < args.positions; ++i) {
        if (!args.plus_plus) {
          weight += g[i] / R(static_cast<double>(args.positions));
          continue;
        }
        const R square = g[i] * g[i];
        const R denominator = R(2) * square + sum_a * square * g[i];
        const R alpha = denominator == R(0) ? R(0) : square / denominator;
        weight += alpha * rectified(g[i]);
      }
      for (Index i = 0; i < args.positions; ++i) map[static_cast<std::size_t>(i)] += weight * a[i];
    }
    for (R& value : map) value = rectified(value);
    R low = map[0], high = map[0];
    for (const R& value : map) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    for (Index i = 0; i < args.positions; ++i)
      args.map[n * args.positions + i] =
          high > low ? (map[static_cast<std::size_t>(i)] - low) / (high - low) : R(0);
  }
}

OFER_ORACLE(grad_cam, GradCamArgs)

}  // namespace ofer::oracle
