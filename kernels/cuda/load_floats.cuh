// Neighbouring elements as floats, in one instruction where the memory allows it. A sum that takes
// its terms in such groups has the same order, and so the same bits, either way.
#pragma once

#include "kernels/cuda/device.cuh"

namespace ofer::kernels::OFER_GPU {

// Elements that one instruction moves at most.
template <class T>
constexpr int kVectorOf = static_cast<int>(16 / sizeof(T));

// May every row of a dense array be read in vectors of kVectorOf<T>, from columns that are
// multiples of it?
template <class T>
bool rows_in_vectors(const T* x, Index columns) {
  return columns % kVectorOf<T> == 0 && aligned_for<kVectorOf<T>>(x);
}

// x[at .. at + N) of which the first `count` exist, zeros for the rest. `vectors`: x + at is aligned
// for a vector of N where all of them exist. Count: int or Index.
template <int N, class T, class Count>
__device__ __forceinline__ Vector<float, N> load_floats(Global<const T> x, Index at, Count count,
                                                        bool vectors) {
  Vector<float, N> result;
  if (vectors && count >= N) {
    const Vector<T, N> stored = load_vector<N>(x, at);
#pragma unroll
    for (int i = 0; i < N; ++i) result[i] = static_cast<float>(stored[i]);
  } else {
#pragma unroll
    for (int i = 0; i < N; ++i) result[i] = i < count ? static_cast<float>(x[at + i]) : 0.0f;
  }
  return result;
}

// Its counterpart: y[at .. at + N) = value, as far as they exist.
template <int N, class T, class Count>
__device__ __forceinline__ void store_floats(Global<T> y, Index at, Count count, bool vectors,
                                             const Vector<float, N>& value) {
  if (vectors && count >= N) {
    Vector<T, N> stored;
#pragma unroll
    for (int i = 0; i < N; ++i) stored[i] = T(value[i]);
    store_vector<N>(y, at, stored);
  } else {
#pragma unroll
    for (int i = 0; i < N; ++i)
      if (i < count) y[at + i] = T(value[i]);
  }
}

}  // namespace ofer::kernels::OFER_GPU
