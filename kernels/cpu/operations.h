// Declares every operation of the table inside the namespace of the instruction set that is being
// compiled (cmake/cpu_variants.cmake). A kernel file includes this, defines its operations as
// templates and ends with OFER_INSTANTIATE for each.
#pragma once

#include "kernels/table.h"

#ifndef OFER_CPU_VARIANT
#define OFER_CPU_VARIANT baseline
#endif

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

#define OFER_ROW(name, Args) \
  template <class T>         \
  void name(const Args<T>&, Stream&);
OFER_OPERATIONS(OFER_ROW)
#undef OFER_ROW

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT

#define OFER_INSTANTIATE(name, Args)                  \
  template void name<float>(const Args<float>&, Stream&); \
  template void name<double>(const Args<double>&, Stream&);
