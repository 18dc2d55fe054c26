// Sums along an axis that is not the last: neighbouring columns on neighbouring lanes. Long axes
// are cut into parts of fixed length, whose sums a second kernel adds in order.
#pragma once

#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

// A block is a strip of 32 columns, eight slices deep: a warp takes every eighth step of the axis.
constexpr int kStrip = kWarpSize;
constexpr int kSlices = 8;
constexpr int kStripThreads = kStrip * kSlices;

// Steps along the axis that one block takes, sixteen for each of its threads: few enough to add
// them in floats, and that 3,152 rows of 768 columns become 600 blocks.
constexpr int kPartSteps = 16 * kSlices;

// Adds each column's slices in order; all threads of the block call it, those of slice 0 receive
// the totals.
template <int kCount>
__device__ __forceinline__ void add_slices(double (&total)[kCount]) {
  constexpr int kAll = kCount * kStripThreads;
  OFER_SHARED(double, slice, kAll);
  __syncthreads();
  for (int i = 0; i < kCount; ++i) slice[i * kStripThreads + threadIdx.x] = total[i];
  __syncthreads();
  if (threadIdx.x >= kStrip) return;
  for (int i = 0; i < kCount; ++i)
    for (int s = 1; s < kSlices; ++s)
      total[i] += slice[i * kStripThreads + s * kStrip + threadIdx.x];
}

// y[r, c] = scale * sum over p of part[r, p, c], part [outer, parts, inner]. Block: a strip of an
// r.
template <class T>
__global__ void __launch_bounds__(kStripThreads)
    add_parts_kernel(Global<const double> part, Global<T> y, Index parts, Index inner,
                     double scale) {
  const Index strips = blocks_of<Index>(inner, kStrip);
  const Index r = blockIdx.x / strips;
  const Index c = blockIdx.x % strips * kStrip + threadIdx.x % kStrip;
  double total[1] = {};
  if (c < inner)
    for (Index p = threadIdx.x / kStrip; p < parts; p += kSlices)
      total[0] += part[(r * parts + p) * inner + c];
  add_slices(total);
  if (threadIdx.x < kStrip && c < inner) y[r * inner + c] = T(static_cast<float>(total[0] * scale));
}

template <class T>
void add_parts(const char* name, const double* part, T* y, Index outer, Index parts, Index inner,
               double scale, Stream& stream) {
  launch(name, add_parts_kernel<T>,
         {grid_of(outer * blocks_of<Index>(inner, kStrip)), kStripThreads}, stream, part, y, parts,
         inner, scale);
}

}  // namespace ofer::kernels::OFER_GPU
