// Weights of the antialiased bilinear resize along one axis, those of engine/resize_filter.h, but
// in whole numbers and without memory: each output works out its own.
#pragma once

#include "kernels/bf16.h"
#include "kernels/types.h"

namespace ofer::kernels {

// Output o of an axis of `in` positions brought to `out` lies at c = (o + 0.5) in / out, and input
// i has the weight 1 - |i + 0.5 - c| / s there, s = max(in / out, 1), as far as that is above 0.
// Times 2 max(in, out) it is the whole number
//   2 max(in, out) - |(2 i + 1) out - (2 o + 1) in|,
// so no rounding decides which inputs have one. in, out >= 1 and below 2^28.
struct TriangleTaps {
  Index first;  // input with a weight; the others are behind it
  int count;

  OFER_HOST_DEVICE OFER_INLINE TriangleTaps(Index in, Index out, Index o) {
    const Index support = 2 * (in > out ? in : out), step = 2 * out, center = (2 * o + 1) * in;
    const Index below = center - support - out;  // first > below / step
    const Index end = (center + support - out + step - 1) / step;
    first = below < 0 ? 0 : below / step + 1;
    count = static_cast<int>((end < in ? end : in) - first);
    support_ = static_cast<int>(support);
    step_ = static_cast<int>(step);
    distance_ = static_cast<int>((2 * first + 1) * out - center);
  }

  // Of input first + k, not normalised; > 0.
  OFER_HOST_DEVICE OFER_INLINE int weight(int k) const {
    const int distance = distance_ + k * step_;
    return support_ - (distance < 0 ? -distance : distance);
  }
  OFER_HOST_DEVICE OFER_INLINE Index total() const {
    Index sum = 0;
    for (int k = 0; k < count; ++k) sum += weight(k);
    return sum;
  }

 private:
  int support_, step_;
  int distance_;  // from the output to input `first`, in units of 1 / (2 out)
};

}  // namespace ofer::kernels
