// Images to rows of patches and back, on a GPU: a permutation of six axes, which the strided copy
// does. It sorts the axes by where they are written, so a warp writes whole lines of memory; it
// reads runs of a patch's width, 64 bytes in 16 pixels of float, and moves 16 bytes a thread where
// a run of pixels stays one in the patch.
#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

template <class T>
void patches(const PatchesArgs<T>& args, Stream& stream) {
  const Index p = args.patch, channels = args.channels;
  const Index width = args.columns * p, map = args.rows * p * width;
  const bool channel_first = args.order == PatchOrder::kChannelRowColumn;
  const Index values = p * p * channels;
  // Image, channel, row of patches, patch in the row, row and column inside it.
  const Index shape[6] = {args.batch, channels, args.rows, args.columns, p, p};
  const Index in_image[6] = {channels * map, map, p * width, p, width, 1};
  const Index in_patches[6] = {
      args.rows * args.columns * values, channel_first ? p * p : 1,   args.columns * values, values,
      channel_first ? p : p * channels,  channel_first ? 1 : channels};
  CopyArgs<T> moves{.x = args.x,
                    .y = args.y,
                    .rank = 6,
                    .shape = {},
                    .x_strides = {},
                    .y_strides = {},
                    .accumulate = false};
  for (int axis = 0; axis < 6; ++axis) {
    moves.shape[axis] = shape[axis];
    moves.x_strides[axis] = args.to_image ? in_patches[axis] : in_image[axis];
    moves.y_strides[axis] = args.to_image ? in_image[axis] : in_patches[axis];
  }
  copy<T>(moves, stream);
}

OFER_INSTANTIATE_GPU(patches, PatchesArgs)
OFER_INSTANTIATE_GPU_BF16(patches, PatchesArgs)

}  // namespace ofer::kernels::OFER_GPU
