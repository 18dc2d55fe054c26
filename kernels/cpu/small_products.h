// Matrix products with few columns: the deepest maps of a network have 1 to 16 positions.
//
// A library's product packs its operands for reuse that is not there, and sums thousands of terms one
// behind the other. Here the large operand (the weights) is read once, as it lies, and sums are taken
// in short blocks, added up in double: faster, and closer to the true value where it matters most,
// since an instance norm over four positions magnifies what the sums lost.
#pragma once

#include "kernels/cpu/operations.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

// Products with at most this many columns come here.
constexpr Index kSmallColumns = 16;

namespace small {

constexpr Index kLanes = 16;
constexpr Index kGroup = 4;  // columns whose sums are kept in registers together

// sums[p] = sum_k a[k] b[p * ldb + k], p < kGroup.
template <class T>
OFER_INLINE void dots(const T* a, const T* b, Index ldb, Index depth, double* sums) {
  constexpr Index kBlock = 16 * kLanes;
  double totals[kGroup] = {};
  Index k = 0;
  while (k + kLanes <= depth) {
    Index end = k + kBlock;
    if (end > depth) end = k + (depth - k) / kLanes * kLanes;
    T lanes[kGroup][kLanes] = {};
    for (; k < end; k += kLanes)
      for (Index p = 0; p < kGroup; ++p)
        for (Index j = 0; j < kLanes; ++j) lanes[p][j] += a[k + j] * b[p * ldb + k + j];
    for (Index p = 0; p < kGroup; ++p) {
      double total = 0;
      for (Index j = 0; j < kLanes; ++j) total += static_cast<double>(lanes[p][j]);
      totals[p] += total;
    }
  }
  for (Index p = 0; p < kGroup; ++p) {
    for (Index r = k; r < depth; ++r)
      totals[p] += static_cast<double>(a[r]) * static_cast<double>(b[p * ldb + r]);
    sums[p] = totals[p];
  }
}

// sums[p][j] = sum_k a[k * lda + j] b[k * ldb + p], j < kLanes, p < kGroup.
template <class T>
OFER_INLINE void outer_sums(const T* a, Index lda, const T* b, Index ldb, Index depth,
                            double (*sums)[kLanes]) {
  constexpr Index kBlock = 16;
  for (Index p = 0; p < kGroup; ++p)
    for (Index j = 0; j < kLanes; ++j) sums[p][j] = 0;
  for (Index k0 = 0; k0 < depth; k0 += kBlock) {
    const Index end = k0 + kBlock < depth ? k0 + kBlock : depth;
    T lanes[kGroup][kLanes] = {};
    for (Index k = k0; k < end; ++k)
      for (Index p = 0; p < kGroup; ++p)
        for (Index j = 0; j < kLanes; ++j) lanes[p][j] += a[k * lda + j] * b[k * ldb + p];
    for (Index p = 0; p < kGroup; ++p)
      for (Index j = 0; j < kLanes; ++j) sums[p][j] += static_cast<double>(lanes[p][j]);
  }
}

}  // namespace small

// c[i * ldc + p] = bias[i] + sum_k a[i * depth + k] b[p * depth + k] for i < rows, p < columns <=
// kSmallColumns. b has its columns one behind the other, a multiple of 4 of them (the surplus is
// read and dropped). bias may be null.
template <class T>
void product_of_rows(const T* a, const T* b, const T* bias, Index rows, Index columns, Index depth,
                     T* c, Index ldc) {
  for (Index i = 0; i < rows; ++i)
    for (Index p0 = 0; p0 < columns; p0 += small::kGroup) {
      double sums[small::kGroup];
      small::dots(a + i * depth, b + p0 * depth, depth, depth, sums);
      for (Index p = p0; p < columns && p < p0 + small::kGroup; ++p)
        c[i * ldc + p] = static_cast<T>(sums[p - p0] + (bias ? static_cast<double>(bias[i]) : 0.0));
    }
}

// c[j * columns + p] = sum_k a[k * lda + j] b[k * ldb + p] for j < rows, p < columns <=
// kSmallColumns: the product with a transposed. b's rows hold a multiple of 4 columns.
template <class T>
void product_of_columns(const T* a, Index lda, const T* b, Index ldb, Index rows, Index columns,
                        Index depth, T* c) {
  Index j0 = 0;
  for (; j0 + small::kLanes <= rows; j0 += small::kLanes)
    for (Index p0 = 0; p0 < columns; p0 += small::kGroup) {
      double sums[small::kGroup][small::kLanes];
      small::outer_sums(a + j0, lda, b + p0, ldb, depth, sums);
      for (Index p = p0; p < columns && p < p0 + small::kGroup; ++p)
        for (Index j = 0; j < small::kLanes; ++j)
          c[(j0 + j) * columns + p] = static_cast<T>(sums[p - p0][j]);
    }
  for (; j0 < rows; ++j0)
    for (Index p = 0; p < columns; ++p) {
      double sum = 0;
      for (Index k = 0; k < depth; ++k)
        sum += static_cast<double>(a[k * lda + j0]) * static_cast<double>(b[k * ldb + p]);
      c[j0 * columns + p] = static_cast<T>(sum);
    }
}

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
