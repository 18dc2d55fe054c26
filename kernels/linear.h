// Linear map of rows, with the pointwise end that follows it.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

// y = act(x W^T + b) + r
//   x [rows, in], W [out, in], b [out] or null, r [rows, out] or null, y [rows, out].
// y may be r itself (a residual added in place). `group_rows` splits the rows into products that
// are computed apart, so that an image's bits do not depend on its neighbours: group g is rows
// [g * group_rows, ...), or, when `segments.count` > 0, the segments. 0: one product over all rows.
// A GPU computes them in one product all the same, whose rows come out as they would apart.
// With an activation, `pre` (or null) receives x W^T + b for the backward pass.
template <class T>
struct LinearArgs {
  const T* x;
  const T* weight;
  const T* bias;
  const T* residual;
  T* y;
  T* pre;
  Index rows, in, out;
  Activation activation;
  double slope;  // of the leaky ReLU
  Index group_rows;
  Segments segments;
};

// From dy [rows, out] (with respect to x W^T + b):
//   dx = dy W,   dW = dy^T x,   db = sum of the rows of dy.
// Each output may be null; each is overwritten. `group_rows` is for dx what it is for y above.
template <class T>
struct LinearBackwardArgs {
  const T* dy;
  const T* x;
  const T* weight;
  T* dx;
  T* dweight;
  T* dbias;
  Index rows, in, out;
  Index group_rows;
};

// A linear map of its own for every position: y[n, l, :] = W[l] x[n, l, :].
// x [batch, positions, in], W [positions, out, in], y [batch, positions, out].
template <class T>
struct LinearByPositionArgs {
  const T* x;
  const T* weight;
  T* y;
  Index batch, positions, in, out;
};

// dx, dweight (each may be null, each is overwritten) from dy [batch, positions, out].
template <class T>
struct LinearByPositionBackwardArgs {
  const T* dy;
  const T* x;
  const T* weight;
  T* dx;
  T* dweight;
  Index batch, positions, in, out;
};

}  // namespace ofer::kernels
