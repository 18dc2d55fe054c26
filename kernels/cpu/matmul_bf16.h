// Matrix products in bfloat16: both operands rounded to nearest, ties to even, each product exact,
// sums in float. By oneDNN, on CPUs that have the instructions (AVX512_BF16, AMX-BF16).
#pragma once

#include "kernels/cpu/matmul.h"

namespace ofer::kernels::cpu {

// Null where this build and this machine multiply in bfloat16, else why not, as the end of a
// sentence: "this CPU has neither AVX512_BF16 nor AMX-BF16".
const char* bf16_missing();

// Is a product of this shape faster with rounded operands? Depends on the shape alone, so that an
// image's bits do not depend on anything else. What is gained goes with m n k. Rounding A costs m
// k, rounding B k n, and each element of C something whatever k is; so the rule bounds their sum
// over m n k, 1/m + 1/n + 1/(4 k). Small products do not earn the call itself. Both bounds are
// measured (docs/precision.md).
OFER_INLINE bool bf16_pays(Index m, Index n, Index k) {
  return m * n * k >= Index{1} << 18 && 14 * (4 * k * (m + n) + m * n) <= 4 * m * n * k;
}

// On the calling thread alone. Only where bf16_missing() is null; m, n, k > 0.
void matmul_bf16(const Matmul<float>& product);

}  // namespace ofer::kernels::cpu
