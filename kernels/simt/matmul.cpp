// Matrix products on the executor: the CPU's, on operands that must be the device's own.
#include "kernels/cuda/matmul.h"

#include <algorithm>
#include <source_location>
#include <string>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/cpu/matmul.h"
#include "kernels/simt/executor.h"
#include "kernels/simt/fault.h"
#include "kernels/simt/memory.h"

namespace ofer::kernels::simt {

namespace {

// An operand of `batch` items, each `rows` stored rows of `columns` elements.
template <class T>
void check_operand(const char* name, const T* data, Index batch, Index stride, Index rows,
                   Index columns, Index row_distance) {
  const auto refuse = [&](const std::string& what) {
    fault(std::source_location::current(), "matrix product: operand " + std::string(name) + what);
  };
  if (row_distance < columns) refuse(" has rows that overlap");
  if (stride < 0) refuse(" goes backwards");
  Region region;
  if (!data || !find_region(data, region)) refuse(" is not on the device");
  const T* end = data + (batch - 1) * stride + (rows - 1) * row_distance + columns;
  if (reinterpret_cast<const char*>(data) < region.begin ||
      reinterpret_cast<const char*>(end) > region.end)
    refuse(" leaves its memory");
}

// C may be scratch memory.
template <class T>
void note_filled(const Product<T>& p) {
  for (Index i = 0; i < p.batch; ++i)
    simt::note_filled(p.c + i * p.stride_c,
                      static_cast<std::size_t>((p.m - 1) * p.ldc + p.n) * sizeof(T));
}

// What the host's product of one item takes from the device's; operands are yet to come.
template <class T>
cpu::Matmul<float> item_of(const Product<T>& p) {
  cpu::Matmul<float> item;
  item.transpose_a = p.transpose_a;
  item.transpose_b = p.transpose_b;
  item.m = p.m;
  item.n = p.n;
  item.k = p.k;
  item.beta = p.beta;
  return item;
}

// `rows` stored rows of `columns` elements as floats one behind the other, floats rounded to
// bfloat16.
template <class T>
std::vector<float> coarse(const T* data, Index rows, Index columns, Index row_distance) {
  std::vector<float> result(static_cast<std::size_t>(rows * columns));
  for (Index r = 0; r < rows; ++r)
    for (Index i = 0; i < columns; ++i)
      result[static_cast<std::size_t>(r * columns + i)] =
          BFloat16(static_cast<float>(data[r * row_distance + i]));
  return result;
}

// c = op(a) op(b) + bias + beta c for one item of the batch; `bf16`: of rounded operands.
void multiply(Product<float> p, bool bf16, const float* a, const float* b, float* c) {
  std::vector<float> coarse_a, coarse_b;
  if (bf16 && p.k > 0) {
    const Index columns_a = p.transpose_a ? p.m : p.k, columns_b = p.transpose_b ? p.k : p.n;
    coarse_a = coarse(a, p.transpose_a ? p.k : p.m, columns_a, p.lda);
    coarse_b = coarse(b, p.transpose_b ? p.n : p.k, columns_b, p.ldb);
    a = coarse_a.data();
    b = coarse_b.data();
    p.lda = columns_a;
    p.ldb = columns_b;
  }
  cpu::Matmul<float> item = item_of(p);
  item.a = a;
  item.lda = p.lda;
  item.b = b;
  item.ldb = p.ldb;
  item.c = c;
  item.ldc = p.ldc;
  cpu::matmul(item);
  if (p.bias)
    for (Index r = 0; r < p.m; ++r)
      for (Index i = 0; i < p.n; ++i) c[r * p.ldc + i] += p.bias[i];
}

// As a tensor core does: sums are floats, bias and C's own part with them, and are rounded once.
void multiply(const Product<BFloat16>& p, bool, const BFloat16* a, const BFloat16* b, BFloat16* c) {
  cpu::Matmul<float> item = item_of(p);
  std::vector<float> wide_a, wide_b, wide_c(static_cast<std::size_t>(p.m * p.n));
  item.lda = p.transpose_a ? p.m : p.k;
  item.ldb = p.transpose_b ? p.k : p.n;
  item.ldc = p.n;
  if (p.k > 0) {
    wide_a = coarse(a, p.transpose_a ? p.k : p.m, item.lda, p.lda);
    wide_b = coarse(b, p.transpose_b ? p.n : p.k, item.ldb, p.ldb);
  }
  if (p.beta != 0) wide_c = coarse(c, p.m, p.n, p.ldc);
  item.a = wide_a.data();
  item.b = wide_b.data();
  item.c = wide_c.data();
  cpu::matmul(item);
  for (Index r = 0; r < p.m; ++r)
    for (Index i = 0; i < p.n; ++i) {
      const float sum = wide_c[static_cast<std::size_t>(r * p.n + i)];
      c[r * p.ldc + i] = BFloat16(p.bias ? sum + p.bias[i] : sum);
    }
}

// Rows that are multiplied at once where they must come out alike: the host's library may look at
// their number.
constexpr Index kRowsAlike = 64;

// Rows [first, first + kRowsAlike) of c = op(a) op(b) + bias + beta c, of zeros where there are
// none.
template <class T>
void multiply_alike(Product<T> p, bool bf16, Index first) {
  const Index rows = std::min(kRowsAlike, p.m - first);
  std::vector<T> a(static_cast<std::size_t>(kRowsAlike * p.k), T(0.0f)),
      c(static_cast<std::size_t>(kRowsAlike * p.n), T(0.0f));
  for (Index r = 0; r < rows; ++r) {
    const T* const from = p.a + (first + r) * p.lda;
    std::copy(from, from + p.k, a.begin() + r * p.k);
    const T* const to = p.c + (first + r) * p.ldc;
    if (p.beta != 0) std::copy(to, to + p.n, c.begin() + r * p.n);
  }
  const Index ldc = p.ldc;
  p.m = kRowsAlike;
  p.lda = p.k;
  p.ldc = p.n;
  multiply(p, bf16, a.data(), p.b, c.data());
  for (Index r = 0; r < rows; ++r)
    std::copy(c.begin() + r * p.n, c.begin() + (r + 1) * p.n, p.c + (first + r) * ldc);
}

}  // namespace

template <class T>
void matmul(const Product<T>& p, Stream& stream) {
  if (p.m <= 0 || p.n <= 0 || p.batch <= 0) return;
  if (p.k > 0) {
    check_operand("A", p.a, p.batch, p.stride_a, p.transpose_a ? p.k : p.m,
                  p.transpose_a ? p.m : p.k, p.lda);
    check_operand("B", p.b, p.batch, p.stride_b, p.transpose_b ? p.n : p.k,
                  p.transpose_b ? p.k : p.n, p.ldb);
  }
  check_operand("C", p.c, p.batch, p.stride_c, p.m, p.n, p.ldc);
  if (p.bias) {
    check_operand("bias", p.bias, 1, 0, 1, p.n, p.n);
    if (!adds_bias(p, stream))
      fault(std::source_location::current(), "matrix product: this bias is the caller's to add");
  }
  if (p.batch > 1 && p.stride_c == 0)
    fault(std::source_location::current(), "matrix product: all items write one C");
  if (p.rows_alike && (p.batch > 1 || p.transpose_a))
    fault(std::source_location::current(), "matrix product: rows alike are those of one A");
  auto& simt = static_cast<SimtStream&>(stream);
  if (p.rows_alike && p.k > 0) {
    simt.queue([p, bf16 = stream.bf16(), &simt] {
      auto multiply_blocks = [&](Index begin, Index end, int) {
        for (Index i = begin; i < end; ++i) multiply_alike(p, bf16, i * kRowsAlike);
      };
      simt.host().parallel_for((p.m + kRowsAlike - 1) / kRowsAlike, 1, multiply_blocks);
      note_filled(p);
    });
    return;
  }
  simt.queue([p, bf16 = stream.bf16(), &simt] {
    auto multiply_items = [&](Index begin, Index end, int) {
      for (Index i = begin; i < end; ++i)
        multiply(p, bf16, p.a + i * p.stride_a, p.b + i * p.stride_b, p.c + i * p.stride_c);
    };
    simt.host().parallel_for(p.batch, 1, multiply_items);
    note_filled(p);
  });
}

template <class T>
bool adds_bias(const Product<T>& p, Stream&) {
  return p.bias && p.m > 0 && p.n > 0 && p.k > 0 && p.batch > 0 &&
         reinterpret_cast<std::uintptr_t>(p.bias) % kBiasAlignment == 0;
}

template void matmul<float>(const Product<float>&, Stream&);
template void matmul<BFloat16>(const Product<BFloat16>&, Stream&);
template bool adds_bias<float>(const Product<float>&, Stream&);
template bool adds_bias<BFloat16>(const Product<BFloat16>&, Stream&);

}  // namespace ofer::kernels::simt
