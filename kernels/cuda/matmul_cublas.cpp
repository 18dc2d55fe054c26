// Matrix products on the device, by cuBLAS. Host code only.
#include <algorithm>

#include "kernels/bf16.h"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/stream.h"

namespace ofer::kernels::cuda {

namespace {

// How cuBLAS names an element type. Either is multiplied in CUBLAS_COMPUTE_32F.
template <class T>
struct Element;
template <>
struct Element<float> {
  static constexpr cudaDataType_t kType = CUDA_R_32F;
};
template <>
struct Element<BFloat16> {
  static constexpr cudaDataType_t kType = CUDA_R_16BF;
};

// The arithmetic of a product, for the time of one call. The handle keeps floats floats
// (CUBLAS_PEDANTIC_MATH), which has to be lifted for a product that may round them to tf32, and for
// bfloat16, which is to run on tensor cores. Partial sums of a bfloat16 product stay floats.
class Arithmetic {
 public:
  Arithmetic(CudaStream& stream, cudaDataType_t type)
      : stream_(stream), tf32_(type == CUDA_R_32F && stream.tf32()),
        coarse_(tf32_ || type == CUDA_R_16BF) {
    constexpr auto kMath = static_cast<cublasMath_t>(
        CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION);
    if (coarse_) check(cublasSetMathMode(stream_.cublas(), kMath), "cublasSetMathMode");
  }
  ~Arithmetic() {
    if (coarse_) cublasSetMathMode(stream_.cublas(), CUBLAS_PEDANTIC_MATH);
  }
  Arithmetic(const Arithmetic&) = delete;
  Arithmetic& operator=(const Arithmetic&) = delete;

  cublasComputeType_t type() const {
    return tf32_ ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  }

 private:
  CudaStream& stream_;
  bool tf32_, coarse_;
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
// wherever they stand in it. The library may look at `batch` as well when it chooses: that an item
// alone gets the same bits is not its promise, and is what the determinism tests on a device are
// for.
template <class T>
void matmul(const Product<T>& p, Stream& stream) {
  if (p.m <= 0 || p.n <= 0 || p.batch <= 0) return;
  auto& cuda = static_cast<CudaStream&>(stream);
  cuda.make_current();
  if (p.k <= 0) {
    if (p.beta == 0) clear(p, cuda);
    return;
  }
  const Arithmetic arithmetic(cuda, Element<T>::kType);
  const float one = 1;
  for (Index first = 0; first < p.batch; first += kMostItems) {
    const Index items = std::min(kMostItems, p.batch - first);
    check(cublasGemmStridedBatchedEx_64(
              cuda.cublas(), operation(p.transpose_b), operation(p.transpose_a), p.n, p.m, p.k,
              &one, p.b + first * p.stride_b, Element<T>::kType, p.ldb, p.stride_b,
              p.a + first * p.stride_a, Element<T>::kType, p.lda, p.stride_a, &p.beta,
              p.c + first * p.stride_c, Element<T>::kType, p.ldc, p.stride_c, items,
              arithmetic.type(), CUBLAS_GEMM_DEFAULT),
          "matrix product");
  }
}

template void matmul<float>(const Product<float>&, Stream&);
template void matmul<BFloat16>(const Product<BFloat16>&, Stream&);

}  // namespace ofer::kernels::cuda
