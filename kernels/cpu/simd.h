// How this backend asks the compiler for vector code.
#pragma once

#include "kernels/types.h"

// Before a loop whose iterations do not depend on each other, also where the output is the input's
// own memory (each iteration reads its elements before it writes them). Without it an in-place call
// fails the compiler's overlap check and runs one element at a time.
#if defined(__clang__)
#define OFER_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define OFER_INDEPENDENT _Pragma("GCC ivdep")
#endif

#ifndef OFER_CPU_VARIANT
#define OFER_CPU_VARIANT baseline
#endif

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

OFER_INLINE Index smaller(Index a, Index b) {
  return b < a ? b : a;
}
OFER_INLINE Index larger(Index a, Index b) {
  return a < b ? b : a;
}
OFER_INLINE Index blocks_of(Index count, Index size) {
  return (count + size - 1) / size;
}

// Elements that one range of a pointwise loop takes: enough to outweigh handing it out.
inline constexpr Index kPointwiseGrain = 16384;

// Rows of `width` elements that make up such a range.
OFER_INLINE Index row_grain(Index width) {
  return larger(1, kPointwiseGrain / larger(1, width));
}

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
