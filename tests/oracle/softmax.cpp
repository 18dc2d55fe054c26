#include <vector>

#include "tests/oracle/oracle.h"

namespace ofer::oracle {

using std::exp;
using std::log;
using test::exp;
using test::log;

template <class R>
void softmax(const kernels::SoftmaxArgs<R>& args) {
  for (Index o = 0; o < args.outer; ++o)
    for (Index i = 0; i < args.inner; ++i) {
      const auto at = [&](Index l) { return (o * args.length + l) * args.inner + i; };
      std::vector<R> x;  // y may be x
      for (Index l = 0; l < args.length; ++l) x.push_back(args.x[at(l)]);
      R largest = x[0];
      for (const R& value : x)
        if (value > largest) largest = value;
      R sum = 0;
      for (const R& value : x) sum += exp(value - largest);
      for (Index l = 0; l < args.length; ++l) {
        const R shifted = x[static_cast<std::size_t>(l)] - largest;
        args.y[at(l)] = args.logarithm ? shifted - log(sum) : exp(shifted) / sum;
      }
    }
}

OFER_ORACLE(softmax, SoftmaxArgs)

}  // namespace ofer::oracle
