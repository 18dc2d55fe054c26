// Matrix products on the executor: the CPU's, on operands that must be the device's own.
#include "kernels/cuda/matmul.h"

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

void multiply(const Product<float>& p, Index i) {
  cpu::Matmul<float> item;
  item.transpose_a = p.transpose_a;
  item.transpose_b = p.transpose_b;
  item.m = p.m;
  item.n = p.n;
  item.k = p.k;
  item.a = p.a + i * p.stride_a;
  item.lda = p.lda;
  item.b = p.b + i * p.stride_b;
  item.ldb = p.ldb;
  item.c = p.c + i * p.stride_c;
  item.ldc = p.ldc;
  item.beta = p.beta;
  cpu::matmul(item);
}

// `rows` stored rows of `columns` elements as floats, close together.
std::vector<float> widened(const BFloat16* data, Index rows, Index columns, Index row_distance) {
  std::vector<float> wide(static_cast<std::size_t>(rows * columns));
  for (Index r = 0; r < rows; ++r)
    for (Index c = 0; c < columns; ++c)
      wide[static_cast<std::size_t>(r * columns + c)] = data[r * row_distance + c];
  return wide;
}

// Multiplied and summed as floats, rounded once.
void multiply(const Product<BFloat16>& p, Index i) {
  const Index a_rows = p.transpose_a ? p.k : p.m, a_columns = p.transpose_a ? p.m : p.k;
  const Index b_rows = p.transpose_b ? p.n : p.k, b_columns = p.transpose_b ? p.k : p.n;
  BFloat16* const result = p.c + i * p.stride_c;
  const std::vector<float> a = widened(p.a + i * p.stride_a, a_rows, a_columns, p.lda);
  const std::vector<float> b = widened(p.b + i * p.stride_b, b_rows, b_columns, p.ldb);
  std::vector<float> c = widened(result, p.m, p.n, p.ldc);
  Product<float> wide;
  wide.transpose_a = p.transpose_a;
  wide.transpose_b = p.transpose_b;
  wide.m = p.m;
  wide.n = p.n;
  wide.k = p.k;
  wide.a = a.data();
  wide.lda = a_columns;
  wide.b = b.data();
  wide.ldb = b_columns;
  wide.c = c.data();
  wide.ldc = p.n;
  wide.beta = p.beta;
  multiply(wide, 0);
  for (Index r = 0; r < p.m; ++r)
    for (Index n = 0; n < p.n; ++n)
      result[r * p.ldc + n] = BFloat16(c[static_cast<std::size_t>(r * p.n + n)]);
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
  if (p.batch > 1 && p.stride_c == 0)
    fault(std::source_location::current(), "matrix product: all items write one C");
  static_cast<SimtStream&>(stream).host().parallel_for(
      p.batch, 1, [&](Index begin, Index end, int) {
        for (Index i = begin; i < end; ++i) multiply(p, i);
      });
}

template void matmul<float>(const Product<float>&, Stream&);
template void matmul<BFloat16>(const Product<BFloat16>&, Stream&);

}  // namespace ofer::kernels::simt
