// Strided copies on a GPU: slices, concatenations, flips and permutations. The order of the
// elements is free, so the axes are sorted by y's strides and joined; what is left is one of three:
//   one dense run              16 bytes a thread
//   rows                       y along the last axis, x too or standing still
//   a permutation              x runs along another axis than y: tiles through shared memory
#include <utility>

#include "kernels/cuda/axes.cuh"
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/pointwise.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

struct Same {
  __device__ float operator()(float x) const { return x; }
};
struct Sum {
  __device__ float operator()(float y, float x) const { return y + x; }
};

// `value`, added to what stands in y where kAdd says so.
template <bool kAdd, class T>
__device__ __forceinline__ void put(Global<T> y, Index at, T value) {
  if constexpr (kAdd) value = T(static_cast<float>(y[at]) + static_cast<float>(value));
  y[at] = value;
}

// Thread t: N neighbours of both arrays (N = 1: one element, any strides) at place t of the axes.
// Neighbouring threads walk along y's shortest stride.
template <int N, bool kAdd, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    copy_kernel(Global<const T> x, Global<T> y, Places places, Index items) {
  for (Index i = pointwise_thread(); i < items; i += pointwise_stride()) {
    const Places::At at = places.of(i);
    if constexpr (N == 1) {
      put<kAdd, T>(y, at.b, x[at.a]);
    } else {
      Vector<T, N> value = load_vector<N>(x, at.a);
      if constexpr (kAdd) {
        const Vector<T, N> before = load_vector<N>(y, at.b);
        for (int k = 0; k < N; ++k)
          value[k] = T(static_cast<float>(before[k]) + static_cast<float>(value[k]));
      }
      store_vector<N>(y, at.b, value);
    }
  }
}

// A tile is a warp wide on both sides, so that a warp reads and writes whole lines of memory. Eight
// warps take four lines of it each: four loads in flight a thread.
constexpr int kTile = kWarpSize;
constexpr int kTileWarps = 8;

// The two axes of a permutation's planes: x's shortest stride is along i, y's along j.
struct Plane {
  Index along_i, along_j;
  Index x_i, x_j, y_i, y_j;  // strides
  Index tiles_i, tiles_j;
};

// Block: tile_j fastest, then tile_i, then the plane. x[i, j] comes in with lanes along i, a line j
// at a time, and goes out with lanes along j, a line i at a time. The column more keeps the lanes
// of the second pass in different banks.
template <bool kAdd, class T>
__global__ void __launch_bounds__(kTile* kTileWarps)
    copy_tiles_kernel(Global<const T> x, Global<T> y, Places planes, Plane plane) {
  OFER_SHARED(T, tile, kTile * (kTile + 1));
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  const Index tile_j = blockIdx.x % plane.tiles_j, rest = blockIdx.x / plane.tiles_j;
  const Index i0 = rest % plane.tiles_i * kTile, j0 = tile_j * kTile;
  const Places::At at = planes.of(rest / plane.tiles_i);
#pragma unroll
  for (int line = warp; line < kTile; line += kTileWarps) {
    const Index i = i0 + lane, j = j0 + line;
    if (i < plane.along_i && j < plane.along_j)
      tile[line * (kTile + 1) + lane] = x[at.a + i * plane.x_i + j * plane.x_j];
  }
  __syncthreads();
#pragma unroll
  for (int line = warp; line < kTile; line += kTileWarps) {
    const Index i = i0 + line, j = j0 + lane;
    if (i < plane.along_i && j < plane.along_j)
      put<kAdd, T>(y, at.b + i * plane.y_i + j * plane.y_j, tile[lane * (kTile + 1) + line]);
  }
}

Index magnitude(Index stride) {
  return stride < 0 ? -stride : stride;
}

// The axes with y's largest stride first; x in `a` and y in `b`.
template <class T>
Axes sorted_axes(const CopyArgs<T>& args) {
  Axes axes;
  for (int i = 0; i < args.rank; ++i) {
    axes.append(args.shape[i], args.x_strides[i], args.y_strides[i]);
    for (int at = i; at > 0 && magnitude(axes.b[at - 1]) < magnitude(axes.b[at]); --at) {
      std::swap(axes.shape[at - 1], axes.shape[at]);
      std::swap(axes.a[at - 1], axes.a[at]);
      std::swap(axes.b[at - 1], axes.b[at]);
    }
  }
  return joined(axes);
}

// Narrower sides leave too much of a tile empty; there the caches do as well.
constexpr Index kLeastSide = 8;

// The axis along which x's stride is shorter than along the last one, where tiles are worth it;
// else -1.
int tiled_axis(const Axes& axes) {
  const int last = axes.rank - 1;
  int best = -1;
  Index shortest = magnitude(axes.a[last]);
  for (int i = 0; i < last; ++i)
    if (axes.a[i] != 0 && magnitude(axes.a[i]) < shortest) {
      best = i;
      shortest = magnitude(axes.a[i]);
    }
  return best >= 0 && axes.shape[best] >= kLeastSide && axes.shape[last] >= kLeastSide ? best : -1;
}

template <bool kAdd, class T>
void copy_tiles(const T* x, T* y, const Axes& axes, int i, Stream& stream) {
  const int j = axes.rank - 1;
  const Plane plane{axes.shape[i],
                    axes.shape[j],
                    axes.a[i],
                    axes.a[j],
                    axes.b[i],
                    axes.b[j],
                    blocks_of<Index>(axes.shape[i], kTile),
                    blocks_of<Index>(axes.shape[j], kTile)};
  const Axes planes = joined(axes.without(j).without(i));
  launch("copy", copy_tiles_kernel<kAdd, T>,
         {grid_of(planes.count() * plane.tiles_i * plane.tiles_j), kTile * kTileWarps}, stream, x,
         y, Places(planes), plane);
}

// Do both arrays run along the last axis, with every line of it beginning at a multiple of N?
template <int N, class T>
bool fits_vectors(const T* x, const T* y, const Axes& axes) {
  const int last = axes.rank - 1;
  if (axes.a[last] != 1 || axes.b[last] != 1 || axes.shape[last] % N != 0) return false;
  for (int i = 0; i < last; ++i)
    if (axes.a[i] % N != 0 || axes.b[i] % N != 0) return false;
  return aligned_for<N>(x) && aligned_for<N>(y);
}

template <bool kAdd, class T>
void copy_axes(const T* x, T* y, const Axes& axes, Stream& stream) {
  constexpr int N = kVector<T>;
  const Index count = axes.count();
  if (axes.rank == 1 && axes.a[0] == 1 && axes.b[0] == 1) {
    if constexpr (kAdd)
      zip<T>("copy", y, x, y, count, Sum{}, stream);
    else
      map("copy", x, y, count, Same{}, stream);
  } else if (const int i = tiled_axis(axes); i >= 0) {
    copy_tiles<kAdd>(x, y, axes, i, stream);
  } else if (fits_vectors<N>(x, y, axes)) {
    launch("copy", copy_kernel<N, kAdd, T>, pointwise_shape(count / N), stream, x, y,
           Places(in_vectors(axes, N)), count / N);
  } else {
    launch("copy", copy_kernel<1, kAdd, T>, pointwise_shape(count), stream, x, y, Places(axes),
           count);
  }
}

}  // namespace

template <class T>
void copy(const CopyArgs<T>& args, Stream& stream) {
  for (int i = 0; i < args.rank; ++i)
    if (args.shape[i] == 0) return;
  const Axes axes = sorted_axes(args);
  if (args.accumulate)
    copy_axes<true>(args.x, args.y, axes, stream);
  else
    copy_axes<false>(args.x, args.y, axes, stream);
}

OFER_INSTANTIATE_GPU(copy, CopyArgs)
OFER_INSTANTIATE_GPU_BF16(copy, CopyArgs)

}  // namespace ofer::kernels::OFER_GPU
