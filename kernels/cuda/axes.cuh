// Walks over two strided arrays, reduced to as few axes as describe them.
#pragma once

#include "kernels/cuda/divisor.cuh"

namespace ofer::kernels::OFER_GPU {

// On the host: axes, outermost first, with the strides of two arrays a and b.
struct Axes {
  static constexpr int kMost = 6;
  int rank = 0;
  Index shape[kMost] = {};
  Index a[kMost] = {};
  Index b[kMost] = {};

  Index count() const {
    Index product = 1;
    for (int i = 0; i < rank; ++i) product *= shape[i];
    return product;
  }
  void append(Index extent, Index a_stride, Index b_stride) {
    shape[rank] = extent;
    a[rank] = a_stride;
    b[rank] = b_stride;
    ++rank;
  }
  Axes without(int axis) const {
    Axes result;
    for (int i = 0; i < rank; ++i)
      if (i != axis) result.append(shape[i], a[i], b[i]);
    return result;
  }
};

// Drops axes of extent 1 and joins neighbours that both arrays walk through in one stride. At least
// one axis is left.
inline Axes joined(const Axes& axes) {
  Axes result;
  for (int i = 0; i < axes.rank; ++i) {
    if (axes.shape[i] == 1) continue;
    const int last = result.rank - 1;
    if (last >= 0 && result.a[last] == axes.a[i] * axes.shape[i] &&
        result.b[last] == axes.b[i] * axes.shape[i]) {
      result.shape[last] *= axes.shape[i];
      result.a[last] = axes.a[i];
      result.b[last] = axes.b[i];
    } else {
      result.append(axes.shape[i], axes.a[i], axes.b[i]);
    }
  }
  if (result.rank == 0) result.append(1, 0, 0);
  return result;
}

// The axes with the last one counted in vectors of n elements.
inline Axes in_vectors(Axes axes, int n) {
  const int last = axes.rank - 1;
  axes.shape[last] /= n;
  axes.a[last] *= n;
  axes.b[last] *= n;
  return axes;
}

// On the device: where item i of the axes (in row-major order) lies in both arrays. A kernel's
// parameter; the innermost axis is the first here, so that every index is known to the compiler and
// nothing leaves the parameters' own memory.
struct Places {
  struct At {
    Index a, b;
  };

  explicit Places(const Axes& axes) : rank(axes.rank) {
    for (int i = 0; i < rank; ++i) {
      extent[i] = Divisor(axes.shape[rank - 1 - i]);
      a[i] = axes.a[rank - 1 - i];
      b[i] = axes.b[rank - 1 - i];
    }
  }
  __device__ __forceinline__ At of(Index item) const {
    At at{0, 0};
#pragma unroll
    for (int i = 0; i < Axes::kMost; ++i) {
      if (i >= rank) break;
      const Index next = i + 1 < rank ? extent[i].quotient(item) : 0;
      const Index index = item - next * extent[i].value;
      at.a += index * a[i];
      at.b += index * b[i];
      item = next;
    }
    return at;
  }

  int rank;
  Divisor extent[Axes::kMost] = {Divisor(1), Divisor(1), Divisor(1),
                                 Divisor(1), Divisor(1), Divisor(1)};
  Index a[Axes::kMost] = {};
  Index b[Axes::kMost] = {};
};

}  // namespace ofer::kernels::OFER_GPU
