// What the self-assembly layers share: an image's masked positions in raster order, rows of
// channels for the recurrence that goes through them, and the way back to a map.
//
// A map [channels, positions] is read with neighbouring threads on neighbouring positions. The
// recurrence handles one position after the other and wants its channels together, so what it reads
// and writes lies in rows [masked position][channel], of floats, filled with zeros up to whole
// vectors.
#pragma once

#include <algorithm>

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

constexpr int kQuad = 4;
using Quad = Vector<float, kQuad>;

struct AssemblyShape {
  Index channels, positions;
  int height, width;
  Index row;  // floats in a row

  AssemblyShape(Index c, Index h, Index w)
      : channels(c),
        positions(h * w),
        height(static_cast<int>(h)),
        width(static_cast<int>(w)),
        row(blocks_of<Index>(c, kQuad) * kQuad) {}
};

// Scratch of the images that are handled together: how many of an image's positions are known and
// masked [images, 2], then `lists` arrays of positions and `numbers` arrays of floats, each
// [images, positions], and `maps` arrays of rows [images, positions, row].
class AssemblyScratch {
 public:
  // Near half a gigabyte of rows: at 512 channels of 32 x 32 that is an image for each
  // multiprocessor of the largest GPU, which is what the recurrence can use.
  static Index images_at_once(Index batch, const AssemblyShape& shape, int maps) {
    const Index bytes = maps * shape.row * shape.positions * static_cast<Index>(sizeof(float));
    return std::max<Index>(1,
                           std::min<Index>(batch, (Index{512} << 20) / std::max<Index>(1, bytes)));
  }

  AssemblyScratch(GpuStream& stream, Index images, const AssemblyShape& shape, Index lists,
                  Index numbers, Index maps)
      : images_(images), list_(images * shape.positions), row_(shape.row) {
    ints_ = stream.scratch<std::int32_t>(0, 2 * images + lists * list_);
    floats_ = stream.scratch<float>(1, numbers * list_ + 1);
    rows_ = stream.scratch<float>(2, maps * list_ * row_ + 1);
  }

  std::int32_t* counts() const { return ints_; }
  std::int32_t* list(Index i) const { return ints_ + 2 * images_ + i * list_; }
  float* numbers(Index i) const { return floats_ + i * list_; }
  float* rows(Index i) const { return rows_ + i * list_ * row_; }

 private:
  Index images_, list_, row_;
  std::int32_t* ints_;
  float* floats_;
  float* rows_;
};

// --- the order of the positions ---

// Which positions of the hole are masked.
enum class Masked : std::uint8_t {
  kAll,
  kIfAnyKnown,  // none where no position is known
  kWithMatch,   // those with best >= 0
};

constexpr int kOrderThreads = 256;

// One block for an image; it goes through the positions 256 at a time. known, masked: the positions
// of each kind in raster order; rank: of a masked position its number among them, of any other -1;
// counts: how many of each. With `best` also match: best of each masked position.
template <class T>
__global__ void __launch_bounds__(kOrderThreads)
    hole_order_kernel(Global<const T> hole, Global<const std::int32_t> best,
                      Global<std::int32_t> counts, Global<std::int32_t> known,
                      Global<std::int32_t> masked, Global<std::int32_t> rank,
                      Global<std::int32_t> match, int positions, Masked which) {
  constexpr int kWarps = kOrderThreads / kWarpSize;
  OFER_SHARED(int, warp_count, kWarps);
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  const Index image = blockIdx.x, first = image * positions;
  int done = 0;  // masked positions so far
  for (int begin = 0; begin < positions; begin += kOrderThreads) {
    const int p = begin + static_cast<int>(threadIdx.x);
    bool here = p < positions && static_cast<float>(hole[first + p]) != 0;
    if (here && which == Masked::kWithMatch) here = best[first + p] >= 0;
    const unsigned votes = __ballot_sync(kAllLanes, here);
    if (lane == 0) warp_count[warp] = __popc(votes);
    __syncthreads();
    int before = done + __popc(votes & ((1u << lane) - 1));
    for (int w = 0; w < kWarps; ++w) {
      const int count = warp_count[w];
      if (w < warp) before += count;
      done += count;
    }
    if (here) {
      masked[first + before] = p;
      if (best) match[first + before] = best[first + p];
    } else if (p < positions) {
      known[first + p - before] = p;
    }
    if (p < positions) rank[first + p] = here ? before : -1;
    __syncthreads();
  }
  if (which == Masked::kIfAnyKnown && done == positions) {
    done = 0;
    for (int p = threadIdx.x; p < positions; p += kOrderThreads) rank[first + p] = -1;
  }
  if (threadIdx.x == 0) {
    counts[2 * image] = positions - done;
    counts[2 * image + 1] = done;
  }
}

// --- work on several masked positions side by side ---

// A block of 8 x 32 threads takes eight masked positions, whose elements of a channel fill the 32
// bytes that memory hands out at least, and shares the channels among 32 slices. A warp's four
// slices are neighbours, so that it writes 16 bytes of each row.
constexpr int kPlaces = 8;
constexpr int kSlices = 32;
constexpr int kPlaceThreads = kPlaces * kSlices;
static_assert(kPlaceThreads / kWarpSize == kPlaces, "one warp for each place where one is wanted");

inline Index place_blocks(Index images, const AssemblyShape& shape) {
  return images * blocks_of<Index>(shape.positions, kPlaces);
}

// Sum over the slices of each place, the same for all of its threads.
__device__ __forceinline__ float slice_sum(float value) {
  constexpr int kWarps = kPlaceThreads / kWarpSize;
  OFER_SHARED(float, partial, kWarps* kPlaces);
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  for (int lane_mask = kPlaces; lane_mask < kWarpSize; lane_mask *= 2)
    value += __shfl_xor_sync(kAllLanes, value, lane_mask);
  __syncthreads();
  if (lane < kPlaces) partial[warp * kPlaces + lane] = value;
  __syncthreads();
  value = 0;
  for (int w = 0; w < kWarps; ++w) value += partial[w * kPlaces + lane % kPlaces];
  return value;
}

// The 3 x 3 neighbours of a position that lie inside the map.
struct Neighbours {
  int position, row, column, height, width;
  float share;  // one over their number

  __device__ Neighbours(int p, const AssemblyShape& shape)
      : position(p),
        row(p / shape.width),
        column(p % shape.width),
        height(shape.height),
        width(shape.width) {
    const int rows = 1 + (row > 0) + (row + 1 < height);
    const int columns = 1 + (column > 0) + (column + 1 < width);
    share = 1.0f / static_cast<float>(rows * columns);
  }
  // Calls visit(position) for each, in raster order.
  template <class Visit>
  __device__ __forceinline__ void for_each(const Visit& visit) const {
#pragma unroll
    for (int i = -1; i <= 1; ++i)
#pragma unroll
      for (int j = -1; j <= 1; ++j)
        if (row + i >= 0 && row + i < height && column + j >= 0 && column + j < width)
          visit(position + i * width + j);
  }
  // Mean of a channel's plane, which begins at x[plane].
  template <class T>
  __device__ __forceinline__ float mean(Global<const T> x, Index plane) const {
    float sum = 0;
    for_each([&](int p) { sum += static_cast<float>(x[plane + p]); });
    return sum * share;
  }
};

// Below this sum of similarities the paper's layer takes the best match as it is.
__device__ __forceinline__ bool weightless(float sum) {
  return sum < 1e-8f;
}

// --- work on one masked position after the other ---

// Four warps with a vector of four channels each hold the layer's 512 channels in registers. What
// lies beyond goes through memory.
constexpr int kRecurrenceThreads = 128;

// Vector v of row m; zeros where there is none. `rows` begins at the image's first row.
template <class Float>
__device__ __forceinline__ Quad row_vector(Global<Float> rows, Index m, Index v, Index count,
                                           const AssemblyShape& shape) {
  Quad result = {};
  if (m >= 0 && m < count && v * kQuad < shape.row)
    result = load_vector<kQuad>(rows, m * shape.row + v * kQuad);
  return result;
}

// Sums over a block of kRecurrenceThreads with a single barrier: two calls that follow each other
// have different stages (0 or 1), so neither overwrites what the other still reads.
template <int kCount>
__device__ __forceinline__ void step_sums(float (&value)[kCount], int stage) {
  constexpr int kWarps = kRecurrenceThreads / kWarpSize;
  OFER_SHARED(float, partial, 2 * kCount * kWarps);
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  for (int i = 0; i < kCount; ++i) value[i] = warp_sum(value[i]);
  if (lane == 0)
    for (int i = 0; i < kCount; ++i) partial[(stage * kCount + i) * kWarps + warp] = value[i];
  __syncthreads();
  for (int i = 0; i < kCount; ++i) {
    value[i] = 0;
    for (int w = 0; w < kWarps; ++w) value[i] += partial[(stage * kCount + i) * kWarps + w];
  }
}

// --- back to a map ---

constexpr int kSide = 32;  // positions and channels of a tile
constexpr int kMapThreads = 256;

inline Index map_blocks(Index images, const AssemblyShape& shape) {
  return images * blocks_of<Index>(shape.positions, kSide) *
         blocks_of<Index>(shape.channels, kSide);
}

// y = its row at a masked position, x at any other. A block turns a tile of 32 x 32, read with
// neighbouring threads on neighbouring channels of a row, written with neighbouring threads on
// neighbouring positions. The blocks of the first channels also fill what is kept for the backward
// pass (or null) at unmasked positions: best = -1 and `kept` numbers of 0.
template <class T>
__global__ void __launch_bounds__(kMapThreads)
    assembled_map_kernel(Global<const T> x, Global<const std::int32_t> rank,
                         Global<const float> rows, Global<T> y, Global<std::int32_t> best,
                         Global<T> numbers, int kept, AssemblyShape shape) {
  constexpr int kPitch = kSide + 1;  // so that columns of the tile lie in different banks
  constexpr int kWarps = kMapThreads / kWarpSize;
  OFER_SHARED(float, tile, kSide* kPitch);
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  const Index position_tiles = blocks_of<Index>(shape.positions, kSide);
  const Index channel_tiles = blocks_of<Index>(shape.channels, kSide);
  const Index image = blockIdx.x / channel_tiles / position_tiles;
  const Index p0 = blockIdx.x / channel_tiles % position_tiles * kSide;
  const Index c0 = blockIdx.x % channel_tiles * kSide;
  const Index first = image * shape.positions;
  for (int i = warp; i < kSide && p0 + i < shape.positions; i += kWarps) {
    const int m = rank[first + p0 + i];
    if (m >= 0 && c0 + lane < shape.channels)
      tile[i * kPitch + lane] = rows[(first + m) * shape.row + c0 + lane];
  }
  __syncthreads();
  const Index p = p0 + lane;
  if (p >= shape.positions) return;
  const bool masked = rank[first + p] >= 0;
  for (int i = warp; i < kSide && c0 + i < shape.channels; i += kWarps) {
    const Index at = (image * shape.channels + c0 + i) * shape.positions + p;
    if (masked)
      y[at] = T(static_cast<float>(tile[lane * kPitch + i]));
    else
      y[at] = x[at];
  }
  if (c0 > 0 || warp > 0 || masked) return;
  if (best) best[first + p] = -1;
  if (numbers)
    for (int k = 0; k < kept; ++k) numbers[(first + p) * kept + k] = T(0.0f);
}

}  // namespace ofer::kernels::OFER_GPU
