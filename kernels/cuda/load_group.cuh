// N neighbouring elements as floats, in one load where the host found the memory aligned for it. A
// sum that takes its terms in such groups has the same order, and so the same bits, either way.
#pragma once

#include "kernels/cuda/device.cuh"

namespace ofer::kernels::OFER_GPU {

// Elements of one 16-byte load.
template <class T>
constexpr int kGroup = 16 / sizeof(T);

// x[at .. at + N); only the first `room` exist, the others count as 0.
template <int N, bool kAligned, class T>
__device__ __forceinline__ Vector<float, N> load_group(Global<const T> x, Index at, Index room) {
  Vector<float, N> result;
  if (kAligned && room >= N) {
    const Vector<T, N> raw = load_vector<N>(x, at);
    for (int k = 0; k < N; ++k) result[k] = static_cast<float>(raw[k]);
  } else {
    for (int k = 0; k < N; ++k) result[k] = k < room ? static_cast<float>(x[at + k]) : 0.0f;
  }
  return result;
}

// Its counterpart: y[at .. at + N) = value, as far as there is room.
template <int N, bool kAligned, class T>
__device__ __forceinline__ void store_group(Global<T> y, Index at, Index room,
                                            const Vector<float, N>& value) {
  if (kAligned && room >= N) {
    Vector<T, N> raw;
    for (int k = 0; k < N; ++k) raw[k] = T(value[k]);
    store_vector(y, at, raw);
  } else {
    for (int k = 0; k < N; ++k)
      if (k < room) y[at + k] = T(value[k]);
  }
}

}  // namespace ofer::kernels::OFER_GPU
