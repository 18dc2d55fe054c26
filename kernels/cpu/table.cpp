// The rows of this instruction set's table.
#include "kernels/cpu/operations.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

template <class T>
void fill_table(Table<T>& table) {
#define OFER_ROW(name, Args) table.name = &name<T>;
  OFER_OPERATIONS(OFER_ROW)
#undef OFER_ROW
}

template void fill_table<float>(Table<float>&);
template void fill_table<double>(Table<double>&);

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
