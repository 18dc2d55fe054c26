#include "tests/oracle/oracle.h"

namespace ofer::oracle {

template <class R>
void conv2d(const kernels::Conv2dArgs<R>& args) {
  const kernels::ConvGeometry& g = args.geometry;
  for (Index n = 0; n < g.batch; ++n)
    for (Index o = 0; o < g.out_channels; ++o)
      for (Index p = 0; p < g.out_height; ++p)
        for (Index q = 0; q < g.out_width; ++q) {
          R sum = args.bias ? args.bias[o] : R(0);
          for (Index c = 0; c < g.in_channels; ++c)
            for (Index i = 0; i < g.kernel_h; ++i)
              for (Index j = 0; j < g.kernel_w; ++j) {
                const Index h = p * g.stride_h - g.pad_h + i * g.dilation_h;
                const Index w = q * g.stride_w - g.pad_w + j * g.dilation_w;
                if (h < 0 || h >= g.in_height || w < 0 || w >= g.in_width) continue;
                const R x = args.x[((n * g.in_channels + c) * g.in_height + h) * g.in_width + w];
                const R weight =
                    args.weight[((o * g.in_channels + c) * g.kernel_h + i) * g.kernel_w + j];
                sum += weight * activate(x, args.in_activation, args.in_slope);
              }
          args.y[((n * g.out_channels + o) * g.out_height + p) * g.out_width + q] = sum;
        }
}

template <class R>
void conv_transpose2d(const kernels::ConvTranspose2dArgs<R>& args) {
  const kernels::ConvGeometry& g = args.geometry;
  for (Index n = 0; n < g.batch; ++n)
    for (Index o = 0; o < g.out_channels; ++o) {
      R* y = args.y + (n * g.out_channels + o) * g.out_height * g.out_width;
      for (Index k = 0; k < g.out_height * g.out_width; ++k) y[k] = args.bias ? args.bias[o] : R(0);
      for (Index c = 0; c < g.in_channels; ++c)
        for (Index h = 0; h < g.in_height; ++h)
          for (Index w = 0; w < g.in_width; ++w)
            for (Index i = 0; i < g.kernel_h; ++i)
              for (Index j = 0; j < g.kernel_w; ++j) {
                const Index p = h * g.stride_h - g.pad_h + i * g.dilation_h;
                const Index q = w * g.stride_w - g.pad_w + j * g.dilation_w;
                if (p < 0 || p >= g.out_height || q < 0 || q >= g.out_width) continue;
                const R x = args.x[((n * g.in_channels + c) * g.in_height + h) * g.in_width + w];
                const R weight =
                    args.weight[((c * g.out_channels + o) * g.kernel_h + i) * g.kernel_w + j];
                y[p * g.out_width + q] += weight * activate(x, args.in_activation, args.in_slope);
              }
    }
}

OFER_ORACLE(conv2d, Conv2dArgs)
OFER_ORACLE(conv_transpose2d, ConvTranspose2dArgs)

}  // namespace ofer::oracle
