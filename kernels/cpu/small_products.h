// Matrix products with few columns: the deepest maps of a network have 1 to 16 positions.
//
// A library's product packs its operands for reuse that is not there, and sums thousands of terms
// one behind the other. Here the large operand (the weights) is read once, as it lies, and sums are
// taken in short blocks, added up in double: faster, and closer to the true value where it matters
// most, since an instance norm over four positions magnifies what the sums lost.
#pragma once

#include "kernels/cpu/operations.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

// Products with at most this many columns come here.
constexpr Index kSmallColumns = 16;

namespace small {

constexpr Index kLanes = 16;
constexpr Index kGroup = 4;            // columns whose sums are kept in registers together
constexpr Index kRows = 16;            // rows of a that share a block of b
constexpr Index kDepth = 16 * kLanes;  // terms summed in single precision before they go to double

// A register of 256 bits, in the compiler's own words: left to itself it vectorises the loops below
// across the columns, by shuffles, and keeps the sums in memory.
template <class T>
struct Register {
  typedef T type __attribute__((vector_size(32)));
  static constexpr Index kLanes = 32 / static_cast<Index>(sizeof(T));
};
template <class T>
using RegisterOf = typename Register<T>::type;
// Lanes whose sums are kept together: two registers for each of kGroup columns.
template <class T>
constexpr Index kPair = 2 * Register<T>::kLanes;

// By pointer and not by value: how a register of 256 bits is handed over depends on the processor.
template <class T>
struct Unaligned {
  typedef T type __attribute__((vector_size(32), aligned(alignof(T)), may_alias));
};
template <class T>
OFER_INLINE const typename Unaligned<T>::type& at(const T* from) {
  return *reinterpret_cast<const typename Unaligned<T>::type*>(from);
}

// totals[p] += sum over k < depth <= kDepth of a[k] b[p * ldb + k], p < kGroup.
template <class T>
OFER_INLINE void add_dots(const T* a, const T* b, Index ldb, Index depth, double* totals) {
  constexpr Index kWide = Register<T>::kLanes;
  T lanes[kGroup][kLanes];
  const Index whole = depth / kLanes * kLanes;
  for (Index j = 0; j < kLanes; j += kPair<T>) {
    RegisterOf<T> low0{}, low1{}, low2{}, low3{}, high0{}, high1{}, high2{}, high3{};
    static_assert(kGroup == 4);
    for (Index k = j; k < whole; k += kLanes) {
      const RegisterOf<T> x = at(a + k), y = at(a + k + kWide);
      const T* c = b + k;
      low0 += x * at(c), high0 += y * at(c + kWide);
      low1 += x * at(c + ldb), high1 += y * at(c + ldb + kWide);
      low2 += x * at(c + 2 * ldb), high2 += y * at(c + 2 * ldb + kWide);
      low3 += x * at(c + 3 * ldb), high3 += y * at(c + 3 * ldb + kWide);
    }
    const RegisterOf<T> sums[kGroup][2] = {
        {low0, high0}, {low1, high1}, {low2, high2}, {low3, high3}};
    for (Index p = 0; p < kGroup; ++p) __builtin_memcpy(lanes[p] + j, sums[p], sizeof(sums[p]));
  }
  for (Index p = 0; p < kGroup; ++p) {
    double total = 0;
    for (Index j = 0; j < kLanes; ++j) total += static_cast<double>(lanes[p][j]);
    for (Index r = whole; r < depth; ++r)
      total += static_cast<double>(a[r]) * static_cast<double>(b[p * ldb + r]);
    totals[p] += total;
  }
}

// sums[p][j] = sum over k < depth of a[k * kStrip + j] b[k * ldb + p], j < kLanes, p < kGroup.
constexpr Index kStrip = 128;  // columns of a that are packed together
constexpr Index kPacked = 32;  // and rows: 16 KB, half of a first-level cache

template <class T>
OFER_INLINE void outer_sums(const T* a, const T* b, Index ldb, Index depth, T (*sums)[kLanes]) {
  constexpr Index kWide = Register<T>::kLanes;
  for (Index j = 0; j < kLanes; j += kPair<T>) {
    RegisterOf<T> low0{}, low1{}, low2{}, low3{}, high0{}, high1{}, high2{}, high3{};
    static_assert(kGroup == 4);
    for (Index k = 0; k < depth; ++k) {
      const RegisterOf<T> x = at(a + k * kStrip + j), y = at(a + k * kStrip + j + kWide);
      const T* c = b + k * ldb;
      low0 += x * c[0], high0 += y * c[0];
      low1 += x * c[1], high1 += y * c[1];
      low2 += x * c[2], high2 += y * c[2];
      low3 += x * c[3], high3 += y * c[3];
    }
    const RegisterOf<T> found[kGroup][2] = {
        {low0, high0}, {low1, high1}, {low2, high2}, {low3, high3}};
    for (Index p = 0; p < kGroup; ++p) __builtin_memcpy(sums[p] + j, found[p], sizeof(found[p]));
  }
}

}  // namespace small

// c[i * ldc + p] = bias[i] + sum_k a[i * depth + k] b[p * depth + k] for i < rows, p < columns <=
// kSmallColumns. b has its columns one behind the other, a multiple of 4 of them (the surplus is
// read and dropped). bias may be null. A block of b stays in the first-level cache for all rows.
template <class T>
void product_of_rows(const T* a, const T* b, const T* bias, Index rows, Index columns, Index depth,
                     T* c, Index ldc) {
  using small::kGroup;
  using small::kRows;
  for (Index i0 = 0; i0 < rows; i0 += kRows) {
    const Index i1 = i0 + kRows < rows ? i0 + kRows : rows;
    double totals[kRows][kSmallColumns] = {};
    for (Index k = 0; k < depth; k += small::kDepth) {
      const Index part = depth - k < small::kDepth ? depth - k : small::kDepth;
      for (Index i = i0; i < i1; ++i)
        for (Index p = 0; p < columns; p += kGroup)
          small::add_dots(a + i * depth + k, b + p * depth + k, depth, part, totals[i - i0] + p);
    }
    for (Index i = i0; i < i1; ++i)
      for (Index p = 0; p < columns; ++p)
        c[i * ldc + p] =
            static_cast<T>(totals[i - i0][p] + (bias ? static_cast<double>(bias[i]) : 0.0));
  }
}

// c[j * columns + p] = sum_k a[k * lda + j] b[k * ldb + p] for j < rows, p < columns <=
// kSmallColumns: the product with a transposed. b's rows hold a multiple of 4 columns. Strips of a
// are packed, so that its long rows are read in pieces of half a kilobyte.
template <class T>
void product_of_columns(const T* a, Index lda, const T* b, Index ldb, Index rows, Index columns,
                        Index depth, T* c) {
  using small::kGroup;
  using small::kLanes;
  using small::kPacked;
  using small::kStrip;
  T packed[kPacked * kStrip];
  double totals[kSmallColumns][kStrip];
  for (Index j0 = 0; j0 < rows; j0 += kStrip) {
    const Index width = rows - j0 < kStrip ? rows - j0 : kStrip;
    const Index padded = (width + kLanes - 1) / kLanes * kLanes;
    for (Index p = 0; p < kSmallColumns; ++p)
      for (Index j = 0; j < kStrip; ++j) totals[p][j] = 0;
    for (Index k0 = 0; k0 < depth; k0 += kPacked) {
      const Index part = depth - k0 < kPacked ? depth - k0 : kPacked;
      for (Index k = 0; k < part; ++k) {
        const T* from = a + (k0 + k) * lda + j0;
        T* to = packed + k * kStrip;
        for (Index j = 0; j < width; ++j) to[j] = from[j];
        for (Index j = width; j < padded; ++j) to[j] = 0;
      }
      for (Index p0 = 0; p0 < columns; p0 += kGroup)
        for (Index j = 0; j < padded; j += kLanes) {
          T sums[kGroup][kLanes];
          small::outer_sums(packed + j, b + k0 * ldb + p0, ldb, part, sums);
          for (Index p = 0; p < kGroup; ++p)
            for (Index l = 0; l < kLanes; ++l)
              totals[p0 + p][j + l] += static_cast<double>(sums[p][l]);
        }
    }
    for (Index j = 0; j < width; ++j)
      for (Index p = 0; p < columns; ++p) c[(j0 + j) * columns + p] = static_cast<T>(totals[p][j]);
  }
}

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
