// Separable resampling with given weights: antialiased bilinear, and nearest as a special case.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

// Weights of one axis: output i is the sum over t < count[i] of weight[i * taps + t] times input
// first[i] + t.
template <class T>
struct ResizeAxis {
  const std::int32_t* first;
  const std::int32_t* count;
  const T* weight;
  Index taps;
};

// x [planes, in_h, in_w] -> y [planes, out_h, out_w]: rows first (horizontally), then columns.
// `scratch` [planes, in_h, out_w].
template <class T>
struct ResizeArgs {
  const T* x;
  T* y;
  T* scratch;
  ResizeAxis<T> horizontal;  // in_w -> out_w
  ResizeAxis<T> vertical;    // in_h -> out_h
  Index planes, in_height, in_width, out_height, out_width;
};

// The adjoint: dx [planes, in_h, in_w] from dy [planes, out_h, out_w]; scratch as above.
template <class T>
struct ResizeBackwardArgs {
  const T* dy;
  T* dx;
  T* scratch;
  ResizeAxis<T> horizontal;
  ResizeAxis<T> vertical;
  Index planes, in_height, in_width, out_height, out_width;
};

}  // namespace ofer::kernels
