// Matrix products on the executor: the CPU's, on operands that must be the device's own.
#include "kernels/cuda/matmul.h"

#include <source_location>
#include <string>

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
  auto multiply = [&](Index begin, Index end, int) {
    for (Index i = begin; i < end; ++i) {
      cpu::Matmul<T> item;
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
      item.beta = static_cast<T>(p.beta);
      cpu::matmul(item);
    }
  };
  static_cast<SimtStream&>(stream).host().parallel_for(p.batch, 1, multiply);
}

template void matmul<float>(const Product<float>&, Stream&);

}  // namespace ofer::kernels::simt
