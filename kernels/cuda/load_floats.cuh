// Neighbouring elements of a row as floats, in one instruction where the row allows it.
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

// x[at .. at + N) of which `count` exist, zeros for the rest. `vectors`: rows_in_vectors, and
// either all of them exist or none.
template <int N, class T>
__device__ __forceinline__ Vector<float, N> load_floats(Global<const T> x, Index at, int count,
                                                        bool vectors) {
  Vector<float, N> result;
  if (vectors && count > 0) {
    const Vector<T, N> stored = load_vector<N>(x, at);
#pragma unroll
    for (int i = 0; i < N; ++i) result[i] = static_cast<float>(stored[i]);
  } else {
#pragma unroll
    for (int i = 0; i < N; ++i) result[i] = i < count ? static_cast<float>(x[at + i]) : 0.0f;
  }
  return result;
}

}  // namespace ofer::kernels::OFER_GPU
