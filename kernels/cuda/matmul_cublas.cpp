// Matrix products on the device, by cuBLAS. Host code only.
#include <algorithm>

#include "kernels/cuda/matmul.h"
#include "kernels/cuda/stream.h"

namespace ofer::kernels::cuda {

namespace {

// How cuBLAS names an element type, and the arithmetic it is multiplied in. Another type is another
// row: bfloat16 is CUDA_R_16BF with CUBLAS_COMPUTE_32F. Where TF32 is wanted for float, it is
// CUBLAS_COMPUTE_32F_FAST_TF32 here, chosen by a field of Product.
template <class T>
struct Arithmetic;
template <>
struct Arithmetic<float> {
  static constexpr cudaDataType_t kElement = CUDA_R_32F;
  static constexpr cublasComputeType_t kCompute = CUBLAS_COMPUTE_32F;
};

// Items of one call: the library puts them on an axis of the grid that ends here.
constexpr Index kMostItems = 65535;

cublasOperation_t operation(bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; }

template <class T>
void clear(const Product<T>& p, CudaStream& stream) {
  for (Index i = 0; i < p.batch; ++i)
    check(cudaMemset2DAsync(p.c + i * p.stride_c, static_cast<std::size_t>(p.ldc) * sizeof(T), 0,
                            static_cast<std::size_t>(p.n) * sizeof(T),
                            static_cast<std::size_t>(p.m), stream.handle()),
          "matrix product of no terms");
}

}  // namespace

// cuBLAS counts columns first: the row-major C is its C^T = op(B)^T op(A)^T, so the operands change
// places and their shapes are read the other way round.
//
// The items of a batch have one shape, so they run through one algorithm and come out alike
// wherever they stand in it. The library looks at `batch` too when it chooses that algorithm.
template <class T>
void matmul(const Product<T>& p, Stream& stream) {
  if (p.m <= 0 || p.n <= 0 || p.batch <= 0) return;
  auto& cuda = static_cast<CudaStream&>(stream);
  if (p.k <= 0) {
    if (p.beta == 0) clear(p, cuda);
    return;
  }
  const float one = 1;
  for (Index first = 0; first < p.batch; first += kMostItems) {
    const Index items = std::min(kMostItems, p.batch - first);
    check(cublasGemmStridedBatchedEx_64(
              cuda.cublas(), operation(p.transpose_b), operation(p.transpose_a), p.n, p.m, p.k,
              &one, p.b + first * p.stride_b, Arithmetic<T>::kElement, p.ldb, p.stride_b,
              p.a + first * p.stride_a, Arithmetic<T>::kElement, p.lda, p.stride_a, &p.beta,
              p.c + first * p.stride_c, Arithmetic<T>::kElement, p.ldc, p.stride_c, items,
              Arithmetic<T>::kCompute, CUBLAS_GEMM_DEFAULT),
          "matrix product");
  }
}

template void matmul<float>(const Product<float>&, Stream&);

}  // namespace ofer::kernels::cuda
