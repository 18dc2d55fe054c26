#include "kernels/cpu/matmul.h"

#include <algorithm>
#include <stdexcept>
#include <type_traits>

#include "kernels/cpu/matmul_bf16.h"

#if defined(OFER_MATMUL_ONEDNN)
#include <dnnl.h>

#include "kernels/cpu/one_thread.h"
#include "kernels/cpu/signals_held.h"
#elif defined(OFER_MATMUL_CBLAS)
#include <cblas.h>
#endif

namespace ofer::kernels::cpu {

namespace {

// Plain blocked product, for builds without a library and for element types the library lacks.
// Four rows of C at a time, so that each loaded element of B serves four sums; the reduction in
// blocks that stay in the first-level cache.
template <class T>
void plain_matmul(const Matmul<T>& p) {
  constexpr Index kRows = 4, kColumns = 256, kDepth = 128;
  T packed_a[kRows * kDepth];
  T packed_b[kDepth * kColumns];
  if (p.beta == 0)
    for (Index i = 0; i < p.m; ++i) std::fill_n(p.c + i * p.ldc, p.n, T(0));
  for (Index j0 = 0; j0 < p.n; j0 += kColumns) {
    const Index columns = std::min(kColumns, p.n - j0);
    for (Index k0 = 0; k0 < p.k; k0 += kDepth) {
      const Index depth = std::min(kDepth, p.k - k0);
      for (Index k = 0; k < depth; ++k)
        for (Index j = 0; j < columns; ++j)
          packed_b[k * kColumns + j] = p.transpose_b ? p.b[(j0 + j) * p.ldb + k0 + k]
                                                     : p.b[(k0 + k) * p.ldb + j0 + j];
      for (Index i0 = 0; i0 < p.m; i0 += kRows) {
        const Index rows = std::min(kRows, p.m - i0);
        for (Index k = 0; k < depth; ++k)
          for (Index i = 0; i < kRows; ++i)
            packed_a[k * kRows + i] = i >= rows        ? T(0)
                                      : p.transpose_a ? p.a[(k0 + k) * p.lda + i0 + i]
                                                      : p.a[(i0 + i) * p.lda + k0 + k];
        T sums[kRows][kColumns] = {};
        for (Index k = 0; k < depth; ++k)
          for (Index i = 0; i < kRows; ++i) {
            const T a = packed_a[k * kRows + i];
            const T* b = packed_b + k * kColumns;
            for (Index j = 0; j < columns; ++j) sums[i][j] += a * b[j];
          }
        for (Index i = 0; i < rows; ++i) {
          T* c = p.c + (i0 + i) * p.ldc + j0;
          for (Index j = 0; j < columns; ++j) c[j] += sums[i][j];
        }
      }
    }
  }
}

#if defined(OFER_MATMUL_ONEDNN)
void library_matmul(const Matmul<float>& p) {
  const OneThread one_thread;
  const SignalsHeld signals_held;
  const dnnl_status_t status =
      dnnl_sgemm(p.transpose_a ? 'T' : 'N', p.transpose_b ? 'T' : 'N', p.m, p.n, p.k, 1.0f, p.a,
                 p.lda, p.b, p.ldb, p.beta, p.c, p.ldc);
  if (status != dnnl_success) throw std::runtime_error("oneDNN refused a matrix product");
}
void library_matmul(const Matmul<double>& p) { plain_matmul(p); }
#elif defined(OFER_MATMUL_CBLAS)
CBLAS_TRANSPOSE flag(bool transpose) { return transpose ? CblasTrans : CblasNoTrans; }

void library_matmul(const Matmul<float>& p) {
  cblas_sgemm(CblasRowMajor, flag(p.transpose_a), flag(p.transpose_b), static_cast<int>(p.m),
              static_cast<int>(p.n), static_cast<int>(p.k), 1.0f, p.a, static_cast<int>(p.lda), p.b,
              static_cast<int>(p.ldb), p.beta, p.c, static_cast<int>(p.ldc));
}
void library_matmul(const Matmul<double>& p) {
  cblas_dgemm(CblasRowMajor, flag(p.transpose_a), flag(p.transpose_b), static_cast<int>(p.m),
              static_cast<int>(p.n), static_cast<int>(p.k), 1.0, p.a, static_cast<int>(p.lda), p.b,
              static_cast<int>(p.ldb), p.beta, p.c, static_cast<int>(p.ldc));
}
#else
template <class T>
void library_matmul(const Matmul<T>& p) {
  plain_matmul(p);
}
#endif

}  // namespace

template <class T>
void matmul(const Matmul<T>& product) {
  if (product.m <= 0 || product.n <= 0) return;
  if (product.k <= 0) {
    if (product.beta == 0)
      for (Index i = 0; i < product.m; ++i)
        std::fill_n(product.c + i * product.ldc, product.n, T(0));
    return;
  }
  if constexpr (std::is_same_v<T, float>) {
    if (product.bf16 && bf16_pays(product.m, product.n, product.k)) {
      matmul_bf16(product);
      return;
    }
  }
  library_matmul(product);
}

template <class T>
void matmul(const Matmul<T>& product, CpuStream& stream) {
  const Index width = matmul_block(product.n);
  if (width <= 0) return;
  stream.parallel_for(product.n, width, [&](Index begin, Index end, int) {
    Matmul<T> part = product;
    part.n = end - begin;
    part.b += product.transpose_b ? begin * product.ldb : begin;
    part.c += begin;
    matmul(part);
  });
}

const char* matmul_library() {
#if defined(OFER_MATMUL_ONEDNN)
  return "oneDNN";
#elif defined(OFER_MATMUL_CBLAS)
  return "CBLAS";
#else
  return "plain";
#endif
}

template void matmul<float>(const Matmul<float>&);
template void matmul<double>(const Matmul<double>&);
template void matmul<float>(const Matmul<float>&, CpuStream&);
template void matmul<double>(const Matmul<double>&, CpuStream&);

}  // namespace ofer::kernels::cpu
