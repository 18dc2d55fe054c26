// Correlations on tensor cores, each element of the source read once for all taps
// (kernels/cuda/conv_window.cuh).
#pragma once

#include "kernels/cuda/conv_gather.cuh"
#include "kernels/types.h"

namespace ofer::kernels::OFER_GPU {

// left: the weights; right: the source; y: the result; bias may be null.
template <class T>
struct ConvOperands {
  const T* left;
  const T* right;
  const T* bias;
  T* y;
  Activation activation = Activation::kNone;
  float slope = 0;
};

// Can and should these be computed so? The answer comes from the geometry of one image, so that an
// image's bits do not depend on the batch.
template <class T>
bool suits_windows(const Correlations& products);

// All of `products`; `stream` has tensor cores. Throws DeviceError.
template <class T>
void correlate_windows(const char* name, Correlations products, ConvOperands<T> operands,
                       Stream& stream);

}  // namespace ofer::kernels::OFER_GPU
