// The largest elements of each row: an element is taken when fewer than `count` stand before it.
// Quadratic in the row's length, which is a patch grid's: no order has to be kept anywhere.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/threads.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

template <class T>
void select_top(const SelectTopArgs<T>& args, Stream& stream) {
  cpu_stream(stream).parallel_for(args.rows, 1, [&](Index begin, Index end, int) {
    for (Index r = begin; r < end; ++r) {
      const T* x = args.x + r * args.length;
      T* mask = args.mask + r * args.length;
      for (Index i = 0; i < args.length; ++i) {
        Index before = 0;
        for (Index j = 0; j < i; ++j) before += x[j] >= x[i] ? 1 : 0;
        for (Index j = i + 1; j < args.length; ++j) before += x[j] > x[i] ? 1 : 0;
        mask[i] = before < args.count ? T(1) : T(0);
      }
    }
  });
}

OFER_INSTANTIATE(select_top, SelectTopArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
