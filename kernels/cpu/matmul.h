// Matrix products: the one place where a CPU kernel calls somebody else's library.
#pragma once

#include "kernels/cpu/threads.h"
#include "kernels/types.h"

namespace ofer::kernels::cpu {

// C = op(A) op(B) + beta C, row-major, op the transpose where asked for. op(A) [m, k], op(B) [k,
// n], C [m, n]; lda, ldb, ldc are the distances between stored rows. beta is 0 (C is only written)
// or 1. bf16: the operands of a product of floats may be rounded to bfloat16, and are where that is
// faster (kernels/cpu/matmul_bf16.h).
template <class T>
struct Matmul {
  bool transpose_a = false, transpose_b = false;
  Index m = 0, n = 0, k = 0;
  const T* a = nullptr;
  Index lda = 0;
  const T* b = nullptr;
  Index ldb = 0;
  T* c = nullptr;
  Index ldc = 0;
  T beta = 0;
  bool bf16 = false;
};

// On the calling thread alone.
template <class T>
void matmul(const Matmul<T>& product);

// The columns of C are shared out in blocks whose width depends on n alone, so the result has the
// same bits with any number of threads.
template <class T>
void matmul(const Matmul<T>& product, CpuStream& stream);

// Width of those blocks: about 192 columns, their number a multiple of 4 where there are enough.
OFER_INLINE Index matmul_block(Index n) {
  if (n <= 96) return n;
  Index blocks = (n + 96) / 192;
  if (blocks < 2) blocks = 2;
  if (blocks > 2) blocks = (blocks + 3) / 4 * 4;
  const Index width = (n + blocks - 1) / blocks;
  return (width + 15) / 16 * 16;
}

// Name of the library in use: "oneDNN", "CBLAS" or "plain".
const char* matmul_library();

}  // namespace ofer::kernels::cpu
