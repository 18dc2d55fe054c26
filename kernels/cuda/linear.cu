// Linear map of rows on a GPU: the library's matrix product, which adds the bias where that is all
// that is left to do; else one kernel for the pointwise end.
#include "kernels/cuda/linear_end.cuh"
#include "kernels/cuda/load_floats.cuh"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/reduce_block.cuh"
#include "kernels/cuda/row_products.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

constexpr int kEndThreads = 256;

// y = act(product + bias) + residual over [rows, columns], each element by one thread, N neighbours
// at a time. The block is as wide as a row (at most 256 threads) and as many rows high as fit, so
// that the bias' column needs no division. product, residual, pre and y may share memory: each
// element is read before it is written, by the same thread.
//
// cuBLASLt adds a bias inside the product (multiply_rows). Activations stay here: its GELU is the
// tanh approximation, which is not what the weights were trained with, and its ReLU is max(v, 0),
// which hides a NaN. Where this kernel has to run at all, bias and residual cost nothing in it.
template <class T, int N>
__global__ void __launch_bounds__(kEndThreads)
    linear_end_kernel(Global<const T> product, Global<const T> bias, Global<const T> residual,
                      Global<T> y, Global<T> pre, Index rows, int columns, LinearEnd end) {
  const Index row = static_cast<Index>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (row >= rows) return;
  for (int c = static_cast<int>(threadIdx.x) * N; c < columns;
       c += static_cast<int>(blockDim.x) * N) {
    const Index at = row * columns + c;
    Vector<float, N> value = load_floats<N, T>(product, at, N, N > 1);
    if (bias) {
      const Vector<float, N> b = load_floats<N, T>(bias, c, N, N > 1);
#pragma unroll
      for (int i = 0; i < N; ++i) value[i] += b[i];
    }
    Vector<T, N> stored;
    if (pre) {
#pragma unroll
      for (int i = 0; i < N; ++i) stored[i] = T(value[i]);
      store_vector<N>(pre, at, stored);
    }
#pragma unroll
    for (int i = 0; i < N; ++i) value[i] = activate(value[i], end.activation, end.slope);
    if (residual) {
      const Vector<float, N> r = load_floats<N, T>(residual, at, N, N > 1);
#pragma unroll
      for (int i = 0; i < N; ++i) value[i] += r[i];
    }
#pragma unroll
    for (int i = 0; i < N; ++i) stored[i] = T(value[i]);
    store_vector<N>(y, at, stored);
  }
}

template <class T>
void linear_end(const T* product, const T* residual, T* pre, const LinearArgs<T>& args,
                Stream& stream) {
  constexpr int kVector = kVectorOf<T>;
  const bool vectors = rows_in_vectors(product, args.out) && rows_in_vectors(args.y, args.out) &&
                       rows_in_vectors(args.bias, args.out) &&
                       rows_in_vectors(residual, args.out) && rows_in_vectors(pre, args.out);
  const int columns = static_cast<int>(args.out);
  const int wanted = vectors ? columns / kVector : columns;
  unsigned width = 1;
  while (width < static_cast<unsigned>(wanted) && width < kEndThreads) width *= 2;
  const unsigned height = kEndThreads / width;
  const LaunchShape shape{grid_of(blocks_of<Index>(args.rows, height)), Dim3(width, height)};
  const LinearEnd end{args.activation, static_cast<float>(args.slope)};
  const auto run = [&](auto kernel) {
    launch("linear_end", kernel, shape, stream, product, args.bias, residual, args.y, pre,
           args.rows, columns, end);
  };
  if (vectors)
    run(linear_end_kernel<T, kVector>);
  else
    run(linear_end_kernel<T, 1>);
}

// c = x W^T + bias + beta c; `bias` may be null. Where groups of rows must come out as they would
// alone, each row comes out as it would in any product (Product::rows_alike), and one product takes
// them all. A bias that the library cannot add comes after it.
template <class T>
void multiply_rows(const LinearArgs<T>& args, bool apart, const T* bias, T* c, float beta,
                   Stream& stream) {
  Product<T> product;
  product.transpose_b = true;
  product.rows_alike = apart;
  product.m = args.rows;
  product.n = args.out;
  product.k = args.in;
  product.a = args.x;
  product.lda = args.in;
  product.b = args.weight;
  product.ldb = args.in;
  product.c = c;
  product.ldc = args.out;
  product.beta = beta;
  product.bias = bias;
  const bool inside = adds_bias(product, stream);
  if (!inside) product.bias = nullptr;
  matmul(product, stream);
  if (!bias || inside) return;
  LinearArgs<T> end{};
  end.bias = bias;
  end.y = c;
  end.rows = args.rows;
  end.out = args.out;
  linear_end<T>(c, nullptr, nullptr, end, stream);
}

// So few rows, when they need not be computed apart, are bound by reading the weights once, which
// row_products does too, and with the end in the same kernel.
constexpr Index kFewRows = 4;

}  // namespace

template <class T>
void linear(const LinearArgs<T>& args, Stream& stream) {
  if (args.rows == 0 || args.out == 0) return;
  const bool apart = args.segments.count > 0 || args.group_rows > 0;
  if (apart ? args.segments.count == 0 && args.group_rows == 1 : args.rows <= kFewRows) {
    row_products(
        args.x, args.weight, args.bias, args.residual, args.y, args.pre,
        RowProducts{args.rows, 1, static_cast<int>(args.in), static_cast<int>(args.out), false},
        LinearEnd{args.activation, static_cast<float>(args.slope)}, stream);
    return;
  }
  const bool activation = args.activation != Activation::kNone;
  // A residual in y's own memory is where the product is added, if nothing comes between. Else the
  // product must not go there.
  const bool in_place = args.residual == args.y;
  const bool accumulate = in_place && !activation && !args.pre;
  // Then the bias is all that is left to do.
  const bool bias_inside = !activation && !args.pre && (accumulate || !args.residual);
  T* product = args.pre ? args.pre
               : in_place && !accumulate
                   ? gpu_stream(stream).template scratch<T>(0, args.rows * args.out)
                   : args.y;
  multiply_rows(args, apart, bias_inside ? args.bias : nullptr, product, accumulate ? 1.0f : 0.0f,
                stream);
  const T* residual = accumulate ? nullptr : args.residual;
  if ((args.bias && !bias_inside) || activation || residual || product != args.y)
    linear_end<T>(product, residual, args.bias ? args.pre : nullptr, args, stream);
}

// --- backward ---

namespace {

// Sums of columns in two steps: blocks of 32 columns x 8 rows walk a slice of the rows each, then
// the slices' sums are added. The slices depend on the number of rows alone: 128 rows, and more
// when there would be more than 256 slices.
constexpr int kSumColumns = 32;
constexpr int kSumRows = 8;
constexpr Index kSliceRows = 128;
constexpr Index kMostSlices = 256;

// partial[s, c] = sum over the rows r of slice s of x[r, c]. Thread (tx, ty) adds every eighth row
// of column 32 b + tx, then the eight sums of a column are added in order by one thread.
template <class T>
__global__ void __launch_bounds__(kSumColumns * kSumRows)
    slice_sums_kernel(Global<const T> x, Global<float> partial, Index rows, Index columns,
                      Index slice_rows, Index column_blocks) {
  OFER_SHARED(float, sums, kSumRows * kSumColumns);
  const Index slice = static_cast<Index>(blockIdx.x) / column_blocks;
  const Index column = static_cast<Index>(blockIdx.x) % column_blocks * kSumColumns + threadIdx.x;
  const Index end = min((slice + 1) * slice_rows, rows);
  float sum = 0;
  if (column < columns)
    for (Index r = slice * slice_rows + threadIdx.y; r < end; r += kSumRows)
      sum += static_cast<float>(x[r * columns + column]);
  sums[threadIdx.y * kSumColumns + threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || column >= columns) return;
  for (int y = 1; y < kSumRows; ++y) sum += sums[y * kSumColumns + threadIdx.x];
  partial[slice * columns + column] = sum;
}

// y[c] = sum over s of partial[s, c], one thread for each column.
template <class T>
__global__ void __launch_bounds__(kEndThreads)
    add_slices_kernel(Global<const float> partial, Global<T> y, Index slices, Index columns) {
  const Index column = static_cast<Index>(blockIdx.x) * kEndThreads + threadIdx.x;
  if (column >= columns) return;
  float sum = 0;
  for (Index s = 0; s < slices; ++s) sum += partial[s * columns + column];
  y[column] = T(sum);
}

template <class T>
void column_sums(const T* x, T* y, Index rows, Index columns, Stream& stream) {
  const Index slice_rows = max(kSliceRows, blocks_of<Index>(rows, kMostSlices));
  const Index slices = blocks_of<Index>(rows, slice_rows);
  const Index column_blocks = blocks_of<Index>(columns, kSumColumns);
  float* partial = gpu_stream(stream).template scratch<float>(0, max(Index{1}, slices * columns));
  launch("slice_sums", slice_sums_kernel<T>,
         {grid_of(slices * column_blocks), Dim3(kSumColumns, kSumRows)}, stream, x, partial, rows,
         columns, slice_rows, column_blocks);
  launch("add_slices", add_slices_kernel<T>,
         {grid_of(blocks_of<Index>(columns, kEndThreads)), kEndThreads}, stream, partial, y, slices,
         columns);
}

}  // namespace

template <class T>
void linear_backward(const LinearBackwardArgs<T>& args, Stream& stream) {
  if (args.dx) {
    Product<T> product;
    product.rows_alike = args.group_rows > 0;
    product.m = args.rows;
    product.n = args.in;
    product.k = args.out;
    product.a = args.dy;
    product.lda = args.out;
    product.b = args.weight;
    product.ldb = args.in;
    product.c = args.dx;
    product.ldc = args.in;
    matmul(product, stream);
  }
  if (args.dweight) {
    Product<T> product;
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
    matmul(product, stream);
  }
  if (args.dbias) column_sums(args.dy, args.dbias, args.rows, args.out, stream);
}

OFER_INSTANTIATE_GPU(linear, LinearArgs)
OFER_INSTANTIATE_GPU(linear_backward, LinearBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(linear, LinearArgs)
OFER_INSTANTIATE_GPU_BF16(linear_backward, LinearBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
