#include "tests/oracle/oracle.h"

namespace ofer::oracle {

template <class R>
void copy(const kernels::CopyArgs<R>& args) {
  Index count = 1;
  for (int axis = 0; axis < args.rank; ++axis) count *= args.shape[axis];
  for (Index i = 0; i < count; ++i) {
    Index rest = i, from = 0, to = 0;
    for (int axis = args.rank - 1; axis >= 0; --axis) {
      const Index index = rest % args.shape[axis];
      rest /= args.shape[axis];
      from += index * args.x_strides[axis];
      to += index * args.y_strides[axis];
    }
    if (args.accumulate)
      args.y[to] += args.x[from];
    else
      args.y[to] = args.x[from];
  }
}

template <class R>
void gather_rows(const kernels::GatherRowsArgs<R>& args) {
  for (Index r = 0; r < args.rows; ++r)
    for (Index c = 0; c < args.width; ++c) {
      R value = 0;
      if (args.index[r] >= 0)
        value = args.x[args.index[r] * args.width + c];
      else if (args.fill)
        value = args.fill[c];
      args.y[r * args.width + c] = value;
    }
}

template <class R>
void patches(const kernels::PatchesArgs<R>& args) {
  using kernels::PatchOrder;
  const Index p = args.patch;
  const Index height = args.rows * p, width = args.columns * p;
  for (Index n = 0; n < args.batch; ++n)
    for (Index c = 0; c < args.channels; ++c)
      for (Index h = 0; h < height; ++h)
        for (Index w = 0; w < width; ++w) {
          const Index i = h % p, j = w % p;
          const Index place = args.order == PatchOrder::kChannelRowColumn
                                  ? (c * p + i) * p + j
                                  : (i * p + j) * args.channels + c;
          const Index patch = (n * args.rows + h / p) * args.columns + w / p;
          const Index in_patches = patch * p * p * args.channels + place;
          const Index in_image = ((n * args.channels + c) * height + h) * width + w;
          if (args.to_image)
            args.y[in_image] = args.x[in_patches];
          else
            args.y[in_patches] = args.x[in_image];
        }
}

OFER_ORACLE(copy, CopyArgs)
OFER_ORACLE(gather_rows, GatherRowsArgs)
OFER_ORACLE(patches, PatchesArgs)

}  // namespace ofer::oracle
