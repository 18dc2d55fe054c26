// Two operands, element by element, with broadcasting, on a GPU. The axes are joined as far as both
// operands allow, so operands of one shape are dense arrays, and a number, a vector along the last
// axis and one value per channel all end as two or three axes.
#include "kernels/cuda/axes.cuh"
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/pointwise.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

struct BinaryFunction {
  Binary function;

  __device__ float operator()(float a, float b) const {
    switch (function) {
      case Binary::kAdd:
        return a + b;
      case Binary::kSubtract:
        return a - b;
      case Binary::kMultiply:
        return a * b;
      case Binary::kDivide:
        break;
    }
    return a / b;
  }
};

// N neighbours along the last axis, or N times the same element where the operand is repeated
// there.
template <int N, class T>
__device__ __forceinline__ Vector<T, N> load_operand(Global<const T> x, Index at, bool repeated) {
  if (N == 1 || !repeated) return load_vector<N>(x, at);
  Vector<T, N> values;
  const T value = x[at];
  for (int k = 0; k < N; ++k) values[k] = value;
  return values;
}

// Thread t: the N elements of y from N t on, which lie on one line of the last axis. y is written
// in whole lines of memory; so is an operand read that runs along the last axis, and a repeated one
// comes from the cache.
template <int N, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    broadcast_kernel(Global<const T> a, Global<const T> b, Global<T> y, Places places, Index items,
                     bool a_repeated, bool b_repeated, BinaryFunction f) {
  for (Index i = pointwise_thread(); i < items; i += pointwise_stride()) {
    const Places::At at = places.of(i);
    const Vector<T, N> left = load_operand<N, T>(a, at.a, a_repeated);
    const Vector<T, N> right = load_operand<N, T>(b, at.b, b_repeated);
    Vector<T, N> out;
    for (int k = 0; k < N; ++k)
      out[k] = T(f(static_cast<float>(left[k]), static_cast<float>(right[k])));
    store_vector<N>(y, i * N, out);
  }
}

// Can an operand be read in vectors of N along the last axis: as neighbours that begin at multiples
// of N, or as one repeated element?
template <int N, class T>
bool fits_vectors(const T* x, const Index* strides, int rank) {
  if (strides[rank - 1] == 0) return true;
  if (strides[rank - 1] != 1 || !aligned_for<N>(x)) return false;
  for (int i = 0; i + 1 < rank; ++i)
    if (strides[i] % N != 0) return false;
  return true;
}

}  // namespace

template <class T>
void binary(const BinaryArgs<T>& args, Stream& stream) {
  constexpr int N = kVector<T>;
  Axes given;
  for (int i = 0; i < args.rank; ++i)
    given.append(args.shape[i], args.a_strides[i], args.b_strides[i]);
  const Axes axes = joined(given);
  const int last = axes.rank - 1;
  const Index count = axes.count();
  const BinaryFunction f{args.function};
  if (axes.rank == 1 && axes.a[0] == 1 && axes.b[0] == 1) {
    zip("binary", args.a, args.b, args.y, count, f, stream);
    return;
  }
  const bool vectors = axes.shape[last] % N == 0 && aligned_for<N>(args.y) &&
                       fits_vectors<N>(args.a, axes.a, axes.rank) &&
                       fits_vectors<N>(args.b, axes.b, axes.rank);
  const Index items = vectors ? count / N : count;
  const Places places(vectors ? in_vectors(axes, N) : axes);
  launch("binary", vectors ? broadcast_kernel<N, T> : broadcast_kernel<1, T>,
         pointwise_shape(items), stream, args.a, args.b, args.y, places, items, axes.a[last] == 0,
         axes.b[last] == 0, f);
}

OFER_INSTANTIATE_GPU(binary, BinaryArgs)
OFER_INSTANTIATE_GPU_BF16(binary, BinaryArgs)

}  // namespace ofer::kernels::OFER_GPU
