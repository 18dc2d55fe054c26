// A linear map of its own for every position: one small product per position over the batch's rows.
// Each image's row is a product of its own in the forward pass, so its bits do not depend on the
// batch.
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/operations.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

template <class T>
void linear_by_position(const LinearByPositionArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  cpu.parallel_for(args.positions, 1, [&](Index begin, Index end, int) {
    for (Index l = begin; l < end; ++l)
      for (Index n = 0; n < args.batch; ++n) {
        Matmul<T> product;
        product.transpose_b = true;
        product.m = 1;
        product.n = args.out;
        product.k = args.in;
        product.a = args.x + (n * args.positions + l) * args.in;
        product.lda = args.in;
        product.b = args.weight + l * args.out * args.in;
        product.ldb = args.in;
        product.c = args.y + (n * args.positions + l) * args.out;
        product.ldc = args.out;
        product.bf16 = cpu.bf16();
        matmul(product);
      }
  });
}

template <class T>
void linear_by_position_backward(const LinearByPositionBackwardArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  cpu.parallel_for(args.positions, 1, [&](Index begin, Index end, int) {
    for (Index l = begin; l < end; ++l) {
      // Rows of one position lie `positions` rows apart.
      const Index dy_step = args.positions * args.out, x_step = args.positions * args.in;
      if (args.dx) {
        Matmul<T> product;
        product.m = args.batch;
        product.n = args.in;
        product.k = args.out;
        product.a = args.dy + l * args.out;
        product.lda = dy_step;
        product.b = args.weight + l * args.out * args.in;
        product.ldb = args.in;
        product.c = args.dx + l * args.in;
        product.ldc = x_step;
        product.bf16 = cpu.bf16();
        matmul(product);
      }
      if (args.dweight) {
        Matmul<T> product;
        product.transpose_a = true;
        product.m = args.out;
        product.n = args.in;
        product.k = args.batch;
        product.a = args.dy + l * args.out;
        product.lda = dy_step;
        product.b = args.x + l * args.in;
        product.ldb = x_step;
        product.c = args.dweight + l * args.out * args.in;
        product.ldc = args.in;
        product.bf16 = cpu.bf16();
        matmul(product);
      }
    }
  });
}

OFER_INSTANTIATE(linear_by_position, LinearByPositionArgs)
OFER_INSTANTIATE(linear_by_position_backward, LinearByPositionBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
