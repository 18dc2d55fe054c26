#include "tests/oracle/oracle.h"

namespace ofer::oracle {

template <class R>
void pool2d(const kernels::Pool2dArgs<R>& args) {
  const kernels::PoolGeometry& g = args.geometry;
  for (Index plane = 0; plane < g.planes; ++plane)
    for (Index p = 0; p < g.out_height; ++p)
      for (Index q = 0; q < g.out_width; ++q) {
        R sum = 0, largest = 0;
        Index place = -1;
        for (Index i = 0; i < g.kernel_h; ++i)
          for (Index j = 0; j < g.kernel_w; ++j) {
            const Index h = p * g.stride_h - g.pad_h + i, w = q * g.stride_w - g.pad_w + j;
            if (h < 0 || h >= g.in_height || w < 0 || w >= g.in_width) continue;
            const R x = args.x[(plane * g.in_height + h) * g.in_width + w];
            sum += x;
            if (place < 0 || x > largest) {
              largest = x;
              place = h * g.in_width + w;
            }
          }
        const Index at = (plane * g.out_height + p) * g.out_width + q;
        args.y[at] = args.maximum ? largest : sum / R(static_cast<double>(g.kernel_h * g.kernel_w));
        if (args.maximum && args.argmax) args.argmax[at] = static_cast<std::int32_t>(place);
      }
}

OFER_ORACLE(pool2d, Pool2dArgs)

}  // namespace ofer::oracle
