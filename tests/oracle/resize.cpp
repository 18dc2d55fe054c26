#include <vector>

#include "tests/oracle/oracle.h"

namespace ofer::oracle {

template <class R>
void resize(const kernels::ResizeArgs<R>& args) {
  const kernels::ResizeAxis<R>&across = args.horizontal, &down = args.vertical;
  for (Index plane = 0; plane < args.planes; ++plane) {
    const R* x = args.x + plane * args.in_height * args.in_width;
    std::vector<R> narrow(static_cast<std::size_t>(args.in_height * args.out_width));
    for (Index h = 0; h < args.in_height; ++h)
      for (Index q = 0; q < args.out_width; ++q) {
        R sum = 0;
        for (Index t = 0; t < across.count[q]; ++t)
          sum += across.weight[q * across.taps + t] * x[h * args.in_width + across.first[q] + t];
        narrow[static_cast<std::size_t>(h * args.out_width + q)] = sum;
      }
    for (Index p = 0; p < args.out_height; ++p)
      for (Index q = 0; q < args.out_width; ++q) {
        R sum = 0;
        for (Index t = 0; t < down.count[p]; ++t)
          sum += down.weight[p * down.taps + t] *
                 narrow[static_cast<std::size_t>((down.first[p] + t) * args.out_width + q)];
        args.y[(plane * args.out_height + p) * args.out_width + q] = sum;
      }
  }
}

OFER_ORACLE(resize, ResizeArgs)

}  // namespace ofer::oracle
