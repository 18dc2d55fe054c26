// Matrix products on a GPU: the one place where a GPU kernel calls somebody else's library. Two
// files implement it, the only ones that the GPU backends do not share: matmul_cublas.cpp on the
// device, kernels/simt/matmul.cpp on the executor.
#pragma once

#include "kernels/stream.h"
#include "kernels/types.h"

namespace ofer::kernels {

// C[i] = op(A[i]) op(B[i]) + beta C[i] for i in [0, batch), row-major, op the transpose where asked
// for. op(A) [m, k], op(B) [k, n], C [m, n]; lda, ldb, ldc are the distances between stored rows,
// the strides those between the items of the batch (0: all items share the operand). beta is 0 (C
// is only written) or 1. Sums are kept in float at least. Floats are multiplied as they are, unless
// the stream allows tf32.
template <class T>
struct Product {
  bool transpose_a = false, transpose_b = false;
  Index m = 0, n = 0, k = 0;
  const T* a = nullptr;
  Index lda = 0;
  const T* b = nullptr;
  Index ldb = 0;
  T* c = nullptr;
  Index ldc = 0;
  float beta = 0;
  Index batch = 1;
  Index stride_a = 0, stride_b = 0, stride_c = 0;
};

// Queued on the stream; all pointers are the device's. Nothing to do for an empty C; k = 0 makes it
// zeros (beta 0) or leaves it (beta 1).
namespace cuda {
template <class T>
void matmul(const Product<T>& product, Stream& stream);
}
namespace simt {
template <class T>
void matmul(const Product<T>& product, Stream& stream);
}

}  // namespace ofer::kernels
