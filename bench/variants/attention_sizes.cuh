// What the variants of attention know of their arguments.
#pragma once

#include "kernels/attention.h"
#include "kernels/cuda/device.cuh"

namespace ofer::kernels::OFER_GPU::variants {

// Image s uses the rows [offsets[stride s], offsets[stride s + 1]), numbers that only the device
// knows; the host knows how many they are at most, so grids are cut for the longest image and the
// threads that find no row end.
struct AttentionSizes {
  Index images, longest, rows;  // rows: of all images
  int heads, width, stride;
  float scale;

  explicit AttentionSizes(const AttentionArgs<float>& args)
      : images(args.segments.count),
        longest(args.segments.longest),
        rows(args.segments.rows()),
        heads(static_cast<int>(args.heads)),
        width(static_cast<int>(args.head_width)),
        stride(static_cast<int>(args.segments.stride)),
        scale(static_cast<float>(args.scale)) {}

  bool empty() const { return images == 0 || longest == 0 || heads == 0 || width == 0; }

  // Where a head's vector of one row begins. qkv [rows, 3, heads, width]; `which`: 0 q, 1 k, 2 v.
  __device__ Index in_qkv(Index row, int which, int head) const {
    return ((row * 3 + which) * heads + head) * width;
  }
  // y [rows, heads, width]
  __device__ Index in_y(Index row, int head) const { return (row * heads + head) * width; }
};

// The rows that an image uses.
struct AttentionRows {
  Index begin;
  int tokens;

  __device__ AttentionRows(Global<const std::int32_t> offsets, const AttentionSizes& sizes,
                           Index image)
      : begin(offsets[image * sizes.stride]),
        tokens(static_cast<int>(offsets[image * sizes.stride + 1] - begin)) {}
};

}  // namespace ofer::kernels::OFER_GPU::variants
