// Images to rows of patches and back.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

// Order of a patch's values inside its row.
enum class PatchOrder : std::uint8_t {
  kChannelRowColumn,  // as a convolution's weights (patch embedding)
  kRowColumnChannel,  // as the masked autoencoder predicts
};

// image [N, C, rows * p, columns * p] <-> patches [N, rows * columns, p * p * C], raster order.
// `to_image` false: patches are read off the image; true: the image is put together. Each is the
// other's inverse and its adjoint.
template <class T>
struct PatchesArgs {
  const T* x;
  T* y;
  Index batch, channels, rows, columns, patch;
  PatchOrder order;
  bool to_image;
};

}  // namespace ofer::kernels
