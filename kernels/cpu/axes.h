// Loops over the axes of two strided arrays, reduced to as few axes as describe them.
#pragma once

#include "kernels/cpu/simd.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

struct Axes {
  static constexpr int kMost = 6;
  int rank = 0;
  Index shape[kMost] = {};
  Index a[kMost] = {};  // strides of the two arrays
  Index b[kMost] = {};

  Index inner() const { return shape[rank - 1]; }
  Index rows() const {
    Index product = 1;
    for (int i = 0; i + 1 < rank; ++i) product *= shape[i];
    return product;
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
      result.shape[result.rank] = axes.shape[i];
      result.a[result.rank] = axes.a[i];
      result.b[result.rank] = axes.b[i];
      ++result.rank;
    }
  }
  if (result.rank == 0) {
    result.rank = 1;
    result.shape[0] = 1;
  }
  return result;
}

// Walks the rows (all axes but the last) in order, from any one of them.
class RowWalk {
 public:
  RowWalk(const Axes& axes, Index row) : axes_(axes) {
    for (int i = axes.rank - 2; i >= 0; --i) {
      at_[i] = row % axes.shape[i];
      row /= axes.shape[i];
      a += at_[i] * axes.a[i];
      b += at_[i] * axes.b[i];
    }
  }
  void next() {
    for (int i = axes_.rank - 2; i >= 0; --i) {
      a += axes_.a[i];
      b += axes_.b[i];
      if (++at_[i] < axes_.shape[i]) return;
      a -= axes_.a[i] * axes_.shape[i];
      b -= axes_.b[i] * axes_.shape[i];
      at_[i] = 0;
    }
  }

  Index a = 0, b = 0;  // offsets of the row's first elements

 private:
  const Axes& axes_;
  Index at_[Axes::kMost] = {};
};

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
