#include "tests/oracle/oracle.h"

namespace ofer::oracle {

template <class R>
void select_top(const kernels::SelectTopArgs<R>& args) {
  for (Index r = 0; r < args.rows; ++r) {
    const R* x = args.x + r * args.length;
    for (Index i = 0; i < args.length; ++i) {
      Index before = 0;  // elements that come first
      for (Index j = 0; j < args.length; ++j)
        if (x[j] > x[i] || (x[j] == x[i] && j < i)) ++before;
      args.mask[r * args.length + i] = before < args.count ? R(1) : R(0);
    }
  }
}

OFER_ORACLE(select_top, SelectTopArgs)

}  // namespace ofer::oracle
