// The three matrix products of convolution and transposed convolution, and the sum that a bias
// wants. In all of them the geometry is the convolution's: x [N, C, H, W] is its input,
// y [N, O, P, Q] its output, W [O, C, kh, kw].
#pragma once

#include "kernels/conv2d.h"
#include "kernels/cuda/device.cuh"

namespace ofer::kernels::OFER_GPU {

// y = W * act(x) + bias: conv2d, and conv_transpose2d's input gradient. bias [O] may be null.
template <class T>
void convolve(const ConvGeometry& g, const T* x, Activation activation, float slope,
              const T* weight, const T* bias, T* y, Stream& stream);

// x = W^T * act(y) + bias: conv2d's input gradient, and conv_transpose2d. bias [C] may be null.
template <class T>
void convolve_adjoint(const ConvGeometry& g, const T* y, Activation activation, float slope,
                      const T* weight, const T* bias, T* x, Stream& stream);

// dW = sum over images and positions of y x: both weight gradients.
template <class T>
void convolve_weights(const ConvGeometry& g, const T* y, const T* x, T* dweight, Stream& stream);

// dbias[c] = sum of dy [batch, channels, plane] over images and positions.
template <class T>
void bias_gradient(const T* dy, Index batch, Index channels, Index plane, T* dbias, Stream& stream);

}  // namespace ofer::kernels::OFER_GPU
