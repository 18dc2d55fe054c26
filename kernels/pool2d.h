// Average and maximum pooling.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

// x [planes, in_h, in_w] -> y [planes, out_h, out_w].
// Average: sum of the window divided by kernel_h * kernel_w (zeros of the padding counted).
// Maximum: of the elements inside the map; `argmax` [planes, out_h, out_w] (or null) keeps the
// flat position of the first largest, for the backward pass.
struct PoolGeometry {
  Index planes, in_height, in_width, out_height, out_width;
  Index kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
};

template <class T>
struct Pool2dArgs {
  PoolGeometry geometry;
  const T* x;
  T* y;
  std::int32_t* argmax;
  bool maximum;
};

template <class T>
struct Pool2dBackwardArgs {
  PoolGeometry geometry;
  const T* dy;
  const std::int32_t* argmax;
  T* dx;
  bool maximum;
};

}  // namespace ofer::kernels
