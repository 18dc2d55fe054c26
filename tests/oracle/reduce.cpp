#include "tests/oracle/oracle.h"

namespace ofer::oracle {

namespace {
// Sum by halves: the contract asks for sums whose error does not grow with their length, so the
// noise that is measured must not either.
template <class R>
R sum_of(const R* x, Index length, Index stride) {
  if (length == 0) return 0;
  if (length == 1) return x[0];
  const Index half = length / 2;
  return sum_of(x, half, stride) + sum_of(x + half * stride, length - half, stride);
}
}  // namespace

template <class R>
void reduce(const kernels::ReduceArgs<R>& args) {
  using kernels::Reduction;
  for (Index o = 0; o < args.outer; ++o)
    for (Index i = 0; i < args.inner; ++i) {
      const R* x = args.x + o * args.length * args.inner + i;
      const Index at = o * args.inner + i;
      if (args.function == Reduction::kSum || args.function == Reduction::kMean) {
        const R sum = sum_of(x, args.length, args.inner);
        args.y[at] =
            args.function == Reduction::kSum ? sum : sum / R(static_cast<double>(args.length));
        continue;
      }
      Index best = 0;
      for (Index l = 1; l < args.length; ++l) {
        const R value = x[l * args.inner], extreme = x[best * args.inner];
        if (args.function == Reduction::kMaximum ? value > extreme : value < extreme) best = l;
      }
      args.y[at] = x[best * args.inner];
      if (args.argument) args.argument[at] = static_cast<std::int32_t>(best);
    }
}

OFER_ORACLE(reduce, ReduceArgs)

}  // namespace ofer::oracle
