// A linear map of its own for every position, on a GPU: forward by a kernel that computes each
// image's rows apart, backward by the library, the positions being the items of a batch.
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/row_products.cuh"

namespace ofer::kernels::OFER_GPU {

template <class T>
void linear_by_position(const LinearByPositionArgs<T>& args, Stream& stream) {
  row_products<T>(args.x, args.weight, nullptr, nullptr, args.y, nullptr,
                  RowProducts{args.batch, args.positions, static_cast<int>(args.in),
                              static_cast<int>(args.out), false},
                  LinearEnd{Activation::kNone, 0}, stream);
}

template <class T>
void linear_by_position_backward(const LinearByPositionBackwardArgs<T>& args, Stream& stream) {
  // Rows of one position lie `positions` rows apart.
  const Index dy_step = args.positions * args.out, x_step = args.positions * args.in;
  if (args.dx) {
    Product<T> product;
    product.m = args.batch;
    product.n = args.in;
    product.k = args.out;
    product.a = args.dy;
    product.lda = dy_step;
    product.stride_a = args.out;
    product.b = args.weight;
    product.ldb = args.in;
    product.stride_b = args.out * args.in;
    product.c = args.dx;
    product.ldc = x_step;
    product.stride_c = args.in;
    product.batch = args.positions;
    matmul(product, stream);
  }
  if (args.dweight) {
    Product<T> product;
    product.transpose_a = true;
    product.m = args.out;
    product.n = args.in;
    product.k = args.batch;
    product.a = args.dy;
    product.lda = dy_step;
    product.stride_a = args.out;
    product.b = args.x;
    product.ldb = x_step;
    product.stride_b = args.in;
    product.c = args.dweight;
    product.ldc = args.in;
    product.stride_c = args.out * args.in;
    product.batch = args.positions;
    matmul(product, stream);
  }
}

OFER_INSTANTIATE_GPU(linear_by_position, LinearByPositionArgs)
OFER_INSTANTIATE_GPU(linear_by_position_backward, LinearByPositionBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(linear_by_position, LinearByPositionArgs)
OFER_INSTANTIATE_GPU_BF16(linear_by_position_backward, LinearByPositionBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
