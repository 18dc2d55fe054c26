// What the backward passes of the self-assembly layers share: the gradient that known positions
// receive as somebody's best match.
#pragma once

#include "kernels/cuda/assembly.cuh"

namespace ofer::kernels::OFER_GPU {

constexpr int kMatchedThreads = 128;

// For each known position k, over the masked positions m whose match it is, in raster order:
//   rows[k] = sum of share_m g_m + cross_m own_m,   along_sum[k] = sum of along_m.
// One block for a position; thread t takes vectors of channels t, t + 128, ... Every warp walks
// through the list of matches, 32 at a time: a gather with a fixed order instead of atomics. `own`
// with all that goes with it may be null.
template <class Float>
__global__ void __launch_bounds__(kMatchedThreads)
    matched_gradient_kernel(Global<const std::int32_t> counts, Global<const std::int32_t> rank,
                            Global<const std::int32_t> match, Global<const Float> share,
                            Global<const Float> cross, Global<const Float> along,
                            Global<const Float> g, Global<const Float> own, Global<Float> rows,
                            Global<Float> along_sum, AssemblyShape shape) {
  const Index image = blockIdx.x / shape.positions, k = blockIdx.x % shape.positions;
  const Index list = image * shape.positions;
  if (rank[list + k] >= 0) return;
  const Index count = counts[2 * image + 1], vectors = shape.row / kQuad;
  const int lane = threadIdx.x % kWarpSize;
  // The bound is the warp's first vector: its lanes stay together.
  for (Index v = threadIdx.x; v - lane < vectors; v += kMatchedThreads) {
    Quad sum = {};
    float total = 0;
    for (Index begin = 0; begin < count; begin += kWarpSize) {
      const bool hit = begin + lane < count && match[list + begin + lane] == k;
      unsigned votes = __ballot_sync(kAllLanes, hit);
      for (; votes != 0; votes &= votes - 1) {
        const Index m = list + begin + __ffs(static_cast<int>(votes)) - 1;
        if (v >= vectors) continue;
        const Quad gradient = load_vector<kQuad>(g, m * shape.row + v * kQuad);
        const float s = share[m];
        for (int i = 0; i < kQuad; ++i) sum[i] += s * gradient[i];
        if (!own) continue;
        const Quad x = load_vector<kQuad>(own, m * shape.row + v * kQuad);
        const float c = cross[m];
        for (int i = 0; i < kQuad; ++i) sum[i] += c * x[i];
        total += along[m];
      }
    }
    if (v < vectors) store_vector(rows, (list + k) * shape.row + v * kQuad, sum);
    if (v == 0 && own) along_sum[list + k] = total;
  }
}

// dx = dy + rows[k] - along_sum[k] x at a known position k; with `zero_masked` 0 at a masked one,
// which is left alone otherwise. Tiles and threads as in assembled_map_kernel. x and along_sum may
// be null.
template <class T>
__global__ void __launch_bounds__(kMapThreads)
    known_gradient_kernel(Global<const T> dy, Global<const T> x, Global<const std::int32_t> rank,
                          Global<const float> rows, Global<const float> along_sum, Global<T> dx,
                          bool zero_masked, AssemblyShape shape) {
  constexpr int kPitch = kSide + 1;
  constexpr int kWarps = kMapThreads / kWarpSize;
  OFER_SHARED(float, tile, kSide* kPitch);
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  const Index position_tiles = blocks_of<Index>(shape.positions, kSide);
  const Index channel_tiles = blocks_of<Index>(shape.channels, kSide);
  const Index image = blockIdx.x / channel_tiles / position_tiles;
  const Index p0 = blockIdx.x / channel_tiles % position_tiles * kSide;
  const Index c0 = blockIdx.x % channel_tiles * kSide;
  const Index first = image * shape.positions;
  for (int i = warp; i < kSide && p0 + i < shape.positions; i += kWarps)
    if (rank[first + p0 + i] < 0 && c0 + lane < shape.channels)
      tile[i * kPitch + lane] = rows[(first + p0 + i) * shape.row + c0 + lane];
  __syncthreads();
  const Index p = p0 + lane;
  if (p >= shape.positions) return;
  const bool masked = rank[first + p] >= 0;
  if (masked && !zero_masked) return;
  const float along = x && !masked ? static_cast<float>(along_sum[first + p]) : 0.0f;
  for (int i = warp; i < kSide && c0 + i < shape.channels; i += kWarps) {
    const Index at = (image * shape.channels + c0 + i) * shape.positions + p;
    float value = 0;
    if (!masked) {
      value = static_cast<float>(dy[at]) + tile[lane * kPitch + i];
      if (x) value -= along * static_cast<float>(x[at]);
    }
    dx[at] = T(value);
  }
}

}  // namespace ofer::kernels::OFER_GPU
