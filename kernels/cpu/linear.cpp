// Linear map of rows on the CPU: one matrix product per block of rows and columns, its pointwise end
// applied while the block is still in the cache.
#include "kernels/cpu/activation.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/operations.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

// Rows of one product: enough to amortise the packing of the weights, few enough that a block of
// the output stays in the second-level cache.
constexpr Index kRowBlock = 512;

struct RowRange {
  Index begin, end;
};

// Walks the row blocks: groups first, each cut into blocks. The cut depends on the group alone.
struct RowBlocks {
  Index rows, group_rows;
  const Segments& segments;

  Index groups() const {
    if (segments.count > 0) return segments.count;
    if (group_rows <= 0) return rows > 0 ? 1 : 0;
    return (rows + group_rows - 1) / group_rows;
  }
  RowRange group(Index g) const {
    if (segments.count > 0) return {segments.host_offsets[g], segments.host_offsets[g + 1]};
    if (group_rows <= 0) return {0, rows};
    const Index end = (g + 1) * group_rows;
    return {g * group_rows, end < rows ? end : rows};
  }
};

template <class T>
void linear_block(const LinearArgs<T>& args, RowRange r, Index begin, Index end, bool bf16,
                  T* scratch) {
  const Index rows = r.end - r.begin, columns = end - begin;
  Matmul<T> product;
  product.transpose_b = true;
  product.m = rows;
  product.n = columns;
  product.k = args.in;
  product.a = args.x + r.begin * args.in;
  product.lda = args.in;
  product.b = args.weight + begin * args.in;
  product.ldb = args.in;
  // The residual may be the output's own memory, so the product then goes to scratch first.
  const bool direct = args.residual == nullptr;
  product.c = direct ? args.y + r.begin * args.out + begin : scratch;
  product.ldc = direct ? args.out : columns;
  product.bf16 = bf16;
  matmul(product);
  for (Index i = 0; i < rows; ++i) {
    T* row = product.c + i * product.ldc;
    if (args.bias) {
      const T* bias = args.bias + begin;
      for (Index j = 0; j < columns; ++j) row[j] += bias[j];
    }
    if (args.pre) {
      T* pre = args.pre + (r.begin + i) * args.out + begin;
      for (Index j = 0; j < columns; ++j) pre[j] = row[j];
    }
    if (args.activation != Activation::kNone)
      activate(row, columns, args.activation, static_cast<T>(args.slope));
    if (!direct) {
      const T* residual = args.residual + (r.begin + i) * args.out + begin;
      T* y = args.y + (r.begin + i) * args.out + begin;
      for (Index j = 0; j < columns; ++j) y[j] = residual[j] + row[j];
    }
  }
}

}  // namespace

template <class T>
void linear(const LinearArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const RowBlocks blocks{args.rows, args.group_rows, args.segments};
  const Index groups = blocks.groups();
  const Index width = matmul_block(args.out);
  if (groups == 0 || width == 0) return;
  const Index columns = (args.out + width - 1) / width;
  Index longest = 0;
  for (Index g = 0; g < groups; ++g) {
    const RowRange r = blocks.group(g);
    if (r.end - r.begin > longest) longest = r.end - r.begin;
  }
  const Index row_blocks = (longest + kRowBlock - 1) / kRowBlock;
  // Items in the order group, row block, column block: neighbours share their rows of x.
  cpu.parallel_for(groups * row_blocks * columns, 1, [&](Index first, Index last, int worker) {
    for (Index item = first; item < last; ++item) {
      const RowRange group = blocks.group(item / columns / row_blocks);
      RowRange r{group.begin + (item / columns % row_blocks) * kRowBlock, group.end};
      if (r.end - r.begin > kRowBlock) r.end = r.begin + kRowBlock;
      if (r.begin >= r.end) continue;
      const Index begin = item % columns * width;
      const Index end = begin + width < args.out ? begin + width : args.out;
      T* scratch =
          args.residual ? cpu.scratch<T>(worker, 0, (r.end - r.begin) * (end - begin)) : nullptr;
      linear_block(args, r, begin, end, cpu.bf16(), scratch);
    }
  });
}

template <class T>
void linear_backward(const LinearBackwardArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  if (args.dx) {
    const Segments none;
    const RowBlocks blocks{args.rows, args.group_rows, none};
    for (Index g = 0; g < blocks.groups(); ++g) {
      const RowRange r = blocks.group(g);
      Matmul<T> product;
      product.m = r.end - r.begin;
      product.n = args.in;
      product.k = args.out;
      product.a = args.dy + r.begin * args.out;
      product.lda = args.out;
      product.b = args.weight;
      product.ldb = args.in;
      product.c = args.dx + r.begin * args.in;
      product.ldc = args.in;
      product.bf16 = cpu.bf16();
      matmul(product, cpu);
    }
  }
  if (args.dweight) {
    Matmul<T> product;
    product.transpose_a = true;
    product.m = args.out;
    product.n = args.in;
    product.k = args.rows;
    product.a = args.dy;
    product.lda = args.out;
    product.b = args.x;
    product.ldb = args.in;
    product.c = args.dweight;
    product.ldc = args.in;
    product.bf16 = cpu.bf16();
    matmul(product, cpu);
  }
  if (args.dbias) {
    cpu.parallel_for(args.out, 256, [&](Index begin, Index end, int) {
      for (Index j = begin; j < end; ++j) args.dbias[j] = 0;
      for (Index i = 0; i < args.rows; ++i) {
        const T* dy = args.dy + i * args.out;
        for (Index j = begin; j < end; ++j) args.dbias[j] += dy[j];
      }
    });
  }
}

OFER_INSTANTIATE(linear, LinearArgs)
OFER_INSTANTIATE(linear_backward, LinearBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
