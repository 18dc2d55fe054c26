// Matrix products on a GPU: the one place where a GPU kernel calls somebody else's library. The GPU
// backends do not share it: matmul_cublas.cpp and product_plan.cpp on the device,
// kernels/simt/matmul.cpp on the executor.
#pragma once

#include "kernels/stream.h"
#include "kernels/types.h"

namespace ofer::kernels {

// C[i] = op(A[i]) op(B[i]) + bias + beta C[i] for i in [0, batch), row-major, op the transpose
// where asked for. op(A) [m, k], op(B) [k, n], C [m, n]; lda, ldb, ldc are the distances between
// stored rows, the strides those between the items of the batch (0: all items share the operand).
// beta is 0 (C is only written) or 1. bias [n], or null, is added to every row of every item. Sums
// are kept in float at least, bias and C's own part with them, and are rounded once. Floats are
// multiplied as they are, unless the stream allows bfloat16 or tf32.
//
// An item's bits depend on its own shape and on distances between rows and items, not on `batch`
// nor on the place of the item in it. With `rows_alike`, a row's bits do not depend on m either,
// nor on the place of the row: for one item whose A is not transposed.
template <class T>
struct Product {
  bool transpose_a = false, transpose_b = false, rows_alike = false;
  Index m = 0, n = 0, k = 0;
  const T* a = nullptr;
  Index lda = 0;
  const T* b = nullptr;
  Index ldb = 0;
  T* c = nullptr;
  Index ldc = 0;
  const T* bias = nullptr;
  float beta = 0;
  Index batch = 1;
  Index stride_a = 0, stride_b = 0, stride_c = 0;
};

// matmul: queued on the stream; all pointers are the device's. Nothing to do for an empty C; k = 0
// makes it zeros (beta 0) or leaves it (beta 1). Throws DeviceError.
//
// adds_bias: can the library add this product's bias? The answer depends on what the bits of an
// item depend on, and on the bias' address. Where it is false, `bias` has to be null, and adding it
// is the caller's.
namespace cuda {
template <class T>
void matmul(const Product<T>& product, Stream& stream);
template <class T>
bool adds_bias(const Product<T>& product, Stream& stream);
}  // namespace cuda
namespace simt {
template <class T>
void matmul(const Product<T>& product, Stream& stream);
template <class T>
bool adds_bias(const Product<T>& product, Stream& stream);
}  // namespace simt

// Bytes. Kernels of the library read a bias in vectors of 16 bytes, and its choice of an algorithm
// does not reliably keep away from those for a bias that lies otherwise.
inline constexpr int kBiasAlignment = 16;

}  // namespace ofer::kernels
