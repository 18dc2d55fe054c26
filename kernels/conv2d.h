// Two-dimensional convolution (cross-correlation, as in every framework) and its transpose.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

struct ConvGeometry {
  Index batch, in_channels, in_height, in_width;
  Index out_channels, out_height, out_width;
  Index kernel_h, kernel_w;
  Index stride_h, stride_w;
  Index pad_h, pad_w;
  Index dilation_h, dilation_w;
};

// The convolution whose adjoint a transposed convolution is: its input is our output and the other
// way round.
OFER_INLINE ConvGeometry mirrored(const ConvGeometry& g) {
  ConvGeometry m = g;
  m.in_channels = g.out_channels;
  m.in_height = g.out_height;
  m.in_width = g.out_width;
  m.out_channels = g.in_channels;
  m.out_height = g.in_height;
  m.out_width = g.in_width;
  return m;
}

// y[n, o, p, q] = act(b[o] + sum_{c, i, j} W[o, c, i, j] x[n, c, p s_h - p_h + i d_h,
//                                                            q s_w - p_w + j d_w])
// with x zero outside. x [N, C, H, W], W [O, C, kh, kw], b [O] or null, y [N, O, P, Q].
// `in_activation` is applied to x as it is read (a ReLU in front of the convolution costs no pass
// of its own).
template <class T>
struct Conv2dArgs {
  ConvGeometry geometry;
  const T* x;
  const T* weight;
  const T* bias;
  T* y;
  Activation in_activation;
  double in_slope;
};

// dx, dW, db from dy [N, O, P, Q]; each may be null, each is overwritten. No activation here: the
// caller differentiates it.
template <class T>
struct Conv2dBackwardArgs {
  ConvGeometry geometry;
  const T* dy;
  const T* x;
  const T* weight;
  T* dx;
  T* dweight;
  T* dbias;
};

// The adjoint of the convolution whose input is y: x [N, C, H, W] is spread over y [N, O, P, Q],
//   y[n, o, p, q] = b[o] + sum over (c, i, j, h, w) with h s_h - p_h + i d_h = p and
//                   w s_w - p_w + j d_w = q of W[c, o, i, j] x[n, c, h, w].
// W [C, O, kh, kw]. The geometry's `in_` is x and `out_` is y.
template <class T>
using ConvTranspose2dArgs = Conv2dArgs<T>;

template <class T>
using ConvTranspose2dBackwardArgs = Conv2dBackwardArgs<T>;

}  // namespace ofer::kernels
