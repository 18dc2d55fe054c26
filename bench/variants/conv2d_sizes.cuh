// Convolution's geometry as its variants use it.
#pragma once

#include "kernels/conv2d.h"
#include "kernels/cuda/activation.cuh"

namespace ofer::kernels::OFER_GPU::variants {

// In 32 bits, as a GPU computes: one image, and one channel's weights, have fewer than 2^31
// elements. Offsets of whole images are an Index.
struct ConvSizes {
  int in_channels, in_height, in_width;
  int out_channels, out_height, out_width;
  int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
  Activation activation;  // of x, as it is read
  float slope;

  explicit ConvSizes(const Conv2dArgs<float>& args)
      : activation(args.in_activation), slope(static_cast<float>(args.in_slope)) {
    const ConvGeometry& g = args.geometry;
    const auto narrow = [](Index i) { return static_cast<int>(i); };
    in_channels = narrow(g.in_channels), out_channels = narrow(g.out_channels);
    in_height = narrow(g.in_height), in_width = narrow(g.in_width);
    out_height = narrow(g.out_height), out_width = narrow(g.out_width);
    kernel_h = narrow(g.kernel_h), kernel_w = narrow(g.kernel_w);
    stride_h = narrow(g.stride_h), stride_w = narrow(g.stride_w);
    pad_h = narrow(g.pad_h), pad_w = narrow(g.pad_w);
    dilation_h = narrow(g.dilation_h), dilation_w = narrow(g.dilation_w);
  }

  __host__ __device__ int positions() const { return out_height * out_width; }
  // Terms of an output's sum: (c, i, j), flattened as a row of the weights is.
  __host__ __device__ int depth() const { return in_channels * kernel_h * kernel_w; }
  __device__ Index image_size() const {
    return static_cast<Index>(in_channels) * in_height * in_width;
  }
};

// Where an output's window begins in the map of each channel; may lie outside.
struct ConvWindow {
  int row, column;

  __device__ ConvWindow(const ConvSizes& s, int position)
      : row(position / s.out_width * s.stride_h - s.pad_h),
        column(position % s.out_width * s.stride_w - s.pad_w) {}
};

// act(x[c, h, w]) of the window's term (c, i, j), zero outside the map. `image` is the image's
// first element.
__device__ __forceinline__ float conv_input(Global<const float> x, Index image, const ConvSizes& s,
                                            const ConvWindow& window, int c, int i, int j) {
  const int h = window.row + i * s.dilation_h, w = window.column + j * s.dilation_w;
  if (h < 0 || h >= s.in_height || w < 0 || w >= s.in_width) return 0.0f;
  return activate(x[image + (c * s.in_height + h) * s.in_width + w], s.activation, s.slope);
}

// The same of term number k.
__device__ __forceinline__ float conv_input(Global<const float> x, Index image, const ConvSizes& s,
                                            const ConvWindow& window, int k) {
  const int taps = s.kernel_h * s.kernel_w, tap = k % taps;
  return conv_input(x, image, s, window, k / taps, tap / s.kernel_w, tap % s.kernel_w);
}

}  // namespace ofer::kernels::OFER_GPU::variants
