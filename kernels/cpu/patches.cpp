// Images to rows of patches and back, on the CPU. One item is a row of patches of one image.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/threads.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

// Copies `patch` pixels of one line of one channel between the image, where they are neighbours,
// and the patch, where they lie `step` apart.
template <bool kToImage, class T>
OFER_INLINE void copy_line(const T* x, T* y, Index patch, Index step) {
  if constexpr (kToImage) {
    for (Index j = 0; j < patch; ++j) y[j] = x[j * step];
  } else {
    for (Index j = 0; j < patch; ++j) y[j * step] = x[j];
  }
}

template <bool kToImage, class T>
void patch_row(const PatchesArgs<T>& args, Index image, Index row) {
  const Index patch = args.patch, channels = args.channels;
  const Index width = args.columns * patch, height = args.rows * patch;
  const bool channel_first = args.order == PatchOrder::kChannelRowColumn;
  const Index step = channel_first ? 1 : channels;
  for (Index c = 0; c < channels; ++c)
    for (Index i = 0; i < patch; ++i) {
      const Index line = ((image * channels + c) * height + row * patch + i) * width;
      const Index inside = channel_first ? (c * patch + i) * patch : i * patch * channels + c;
      for (Index column = 0; column < args.columns; ++column) {
        const Index pixel = line + column * patch;
        const Index value =
            ((image * args.rows + row) * args.columns + column) * patch * patch * channels + inside;
        if constexpr (kToImage)
          copy_line<true>(args.x + value, args.y + pixel, patch, step);
        else
          copy_line<false>(args.x + pixel, args.y + value, patch, step);
      }
    }
}

}  // namespace

template <class T>
void patches(const PatchesArgs<T>& args, Stream& stream) {
  const Index work = args.channels * args.patch * args.patch * args.columns;
  cpu_stream(stream).parallel_for(args.batch * args.rows, row_grain(work),
                                  [&](Index first, Index last, int) {
                                    for (Index item = first; item < last; ++item) {
                                      if (args.to_image)
                                        patch_row<true>(args, item / args.rows, item % args.rows);
                                      else
                                        patch_row<false>(args, item / args.rows, item % args.rows);
                                    }
                                  });
}

OFER_INSTANTIATE(patches, PatchesArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
