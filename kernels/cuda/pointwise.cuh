// y[i] = f(x[i]) and y[i] = f(a[i], b[i]) over dense arrays. Nothing but memory bounds these, so a
// thread moves 16 bytes of each array in one instruction, and a multiprocessor's 2048 threads keep
// more bytes in flight than its share of the memory needs. Arrays that do not begin at a multiple
// of 16 bytes go element by element.
#pragma once

#include <algorithm>

#include "kernels/cuda/device.cuh"

namespace ofer::kernels::OFER_GPU {

constexpr int kPointwiseThreads = 256;

// Elements of one 16-byte access, the widest there is.
template <class T>
constexpr int kVector = 16 / static_cast<int>(sizeof(T));

// One thread for each of `items`, as long as that does not take too many blocks; kernels walk on
// with the whole grid as stride.
inline LaunchShape pointwise_shape(Index items) {
  const Index blocks = blocks_of<Index>(items, kPointwiseThreads);
  return {grid_of(std::min(blocks, kMostBlocks)), kPointwiseThreads};
}

__device__ __forceinline__ Index pointwise_thread() {
  return static_cast<Index>(blockIdx.x) * kPointwiseThreads + threadIdx.x;
}
__device__ __forceinline__ Index pointwise_stride() {
  return static_cast<Index>(gridDim.x) * kPointwiseThreads;
}

// Thread t: elements N t .. N t + N - 1, and one of the count % N elements that fill no vector.
// y may be x, where both are of one type. F: a struct of numbers with operator()(float) on the
// device, whose result becomes a To.
template <int N, class From, class To, class F>
__global__ void __launch_bounds__(kPointwiseThreads)
    map_kernel(Global<const From> x, Global<To> y, Index count, F f) {
  const Index vectors = count / N;
  for (Index i = pointwise_thread(); i < vectors; i += pointwise_stride()) {
    const Vector<From, N> in = load_vector<N>(x, i * N);
    Vector<To, N> out;
    for (int k = 0; k < N; ++k) out[k] = To(f(static_cast<float>(in[k])));
    store_vector<N>(y, i * N, out);
  }
  const Index rest = vectors * N + pointwise_thread();
  if (rest < count) y[rest] = To(f(static_cast<float>(x[rest])));
}

// The same for two arrays; y may be either.
template <int N, class T, class F>
__global__ void __launch_bounds__(kPointwiseThreads)
    zip_kernel(Global<const T> a, Global<const T> b, Global<T> y, Index count, F f) {
  const Index vectors = count / N;
  for (Index i = pointwise_thread(); i < vectors; i += pointwise_stride()) {
    const Vector<T, N> left = load_vector<N>(a, i * N), right = load_vector<N>(b, i * N);
    Vector<T, N> out;
    for (int k = 0; k < N; ++k)
      out[k] = T(f(static_cast<float>(left[k]), static_cast<float>(right[k])));
    store_vector<N>(y, i * N, out);
  }
  const Index rest = vectors * N + pointwise_thread();
  if (rest < count) y[rest] = T(f(static_cast<float>(a[rest]), static_cast<float>(b[rest])));
}

// Vectors of the wider of the two types.
template <class From, class To, class F>
void map(const char* name, const From* x, To* y, Index count, const F& f, Stream& stream) {
  constexpr int N = sizeof(From) > sizeof(To) ? kVector<From> : kVector<To>;
  if (aligned_for<N>(x) && aligned_for<N>(y))
    launch(name, map_kernel<N, From, To, F>, pointwise_shape(blocks_of<Index>(count, N)), stream,
           x, y, count, f);
  else
    launch(name, map_kernel<1, From, To, F>, pointwise_shape(count), stream, x, y, count, f);
}

template <class T, class F>
void zip(const char* name, const T* a, const T* b, T* y, Index count, const F& f, Stream& stream) {
  constexpr int N = kVector<T>;
  if (aligned_for<N>(a) && aligned_for<N>(b) && aligned_for<N>(y))
    launch(name, zip_kernel<N, T, F>, pointwise_shape(blocks_of<Index>(count, N)), stream, a, b, y,
           count, f);
  else
    launch(name, zip_kernel<1, T, F>, pointwise_shape(count), stream, a, b, y, count, f);
}

}  // namespace ofer::kernels::OFER_GPU
