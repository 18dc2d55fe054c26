// How the products of a convolution are cut into blocks, and the sum over a channel.
//
// Two decisions, and only the second one may look at the batch:
//   chunk  into how many pieces the depth is split, so that a small map with many channels fills
//          the device. It orders the sums, so it comes from the geometry of one image.
//   tile   how large a part of the result one block owns. A result is the sum over its chunk in
//          ascending order in every tile, so the tile follows the columns of all images, and an
//          image's bits stay the same.
#include "kernels/cuda/conv_products.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "kernels/cuda/conv_product.cuh"
#include "kernels/cuda/conv_sums.cuh"
#include "kernels/cuda/conv_window.h"

namespace ofer::kernels::OFER_GPU {

namespace {

//                 rows columns depth threads warp_rows lane_rows blocks
// Most of the arithmetic: 8 x 8 results a thread, 64 multiply-adds for 16 numbers from shared
// memory.
using LargeTile = Tile<128, 128, 8, 256, 4, 4, 2>;
// Up to 64 channels or positions: 8 x 4 results a thread.
using MediumTile = Tile<64, 64, 16, 128, 2, 4, 4>;
// Maps of 4 x 4 and less read their weights once and do little with them: deep, so that many bytes
// are on their way at once.
using SmallTile = Tile<64, 16, 32, 128, 4, 8, 4>;
// To a picture's three channels: a thread owns one position.
using NarrowTile = Tile<4, 256, 8, 256, 1, 1, 4>;

// Chunks are multiples of every tile's depth, and long enough that a block's start and end do not
// outweigh its sums.
constexpr Index kChunkUnit = 32;
constexpr Index kLeastChunk = 64;

// Blocks that fill the largest device (132 multiprocessors) at two of 256 threads, or four of 128,
// each. A constant, because the order of the sums hangs on it.
constexpr Index kFill = 264, kFillOfSmall = 528;

// The same shapes on tensor cores, for a chunk's length may not depend on who multiplies. Warps of
// 64 x 32, 32 x 32 and 16 x 16 results. 16 words of the depth a step where the registers allow it.
//                          rows columns depth threads warp_rows blocks
template <class Arithmetic>
using LargeTensorTile = TensorTile<Arithmetic, 128, 128, 16, 256, 2, 2>;
template <class Arithmetic>
using MediumTensorTile = TensorTile<Arithmetic, 64, 64, 16, 128, 2, 4>;
template <class Arithmetic>
using SmallTensorTile = TensorTile<Arithmetic, 64, 16, 32, 128, 4, 4>;

enum class Shape { kLarge, kMedium, kSmall, kNarrow };

Shape shape_for(Index rows, Index columns) {
  if (rows <= NarrowTile::kRows) return Shape::kNarrow;
  if (columns <= 2 * SmallTile::kColumns) return Shape::kSmall;
  return rows > MediumTile::kRows && columns > MediumTile::kColumns ? Shape::kLarge
                                                                    : Shape::kMedium;
}

template <class Tile>
Index tiles_of(Index rows, Index columns) {
  return blocks_of<Index>(rows, Tile::kRows) * blocks_of<Index>(columns, Tile::kColumns);
}

// Depth of one split of `products` results like this one.
Index chunk_for(Index rows, Index columns, Index depth, Index products) {
  Index tiles = 0, fill = kFillOfSmall;
  switch (shape_for(rows, columns)) {
    case Shape::kLarge:
      tiles = tiles_of<LargeTile>(rows, columns);
      fill = kFill;
      break;
    case Shape::kMedium:
      tiles = tiles_of<MediumTile>(rows, columns);
      break;
    case Shape::kSmall:
      tiles = tiles_of<SmallTile>(rows, columns);
      break;
    case Shape::kNarrow:
      tiles = tiles_of<NarrowTile>(rows, columns);
      break;
  }
  const Index wanted = std::max<Index>(1, fill / std::max<Index>(1, tiles * products));
  const Index chunk = std::max(blocks_of(depth, wanted), kLeastChunk);
  return blocks_of(chunk, kChunkUnit) * kChunkUnit;
}

// bfloat16 always, floats where the stream may round them; not before compute capability 8.0.
template <class T>
bool uses_tensor_cores(Stream& stream) {
  return gpu_stream(stream).compute_capability() >= 80 &&
         (std::is_same_v<T, BFloat16> || stream.tf32());
}

template <class T, class Tile, class Left, class Products>
void launch_tiles(const char* name, const Products& products, const ConvOperands<T>& operands,
                  Cut cut, Index rows, Index columns, Index splits, float* partial,
                  Stream& stream) {
  const Index row_tiles = blocks_of<Index>(rows, Tile::kRows),
              column_tiles = blocks_of<Index>(columns, Tile::kColumns);
  cut.row_tiles = static_cast<int>(row_tiles);
  cut.column_tiles = static_cast<int>(column_tiles);
  launch(
      name, conv_product_kernel<T, Tile, Left, Products>,
      {grid_of(row_tiles * column_tiles * cut.phases * splits), Tile::kThreads, Tile::kSharedBytes},
      stream, operands.left, operands.right, operands.bias, operands.y, partial, products, cut,
      operands.activation, operands.slope);
}

// One launch for all phases, and a second one where the depth is split. The first phase has the
// most columns; `depth` is the most that a phase has. y is [images, channels, plane].
template <class T, class Products>
void multiply(const char* name, const Products& products, const ConvOperands<T>& operands,
              Index chunk, Index depth, Index results, Index channels, Index plane, bool runs,
              Stream& stream) {
  if (results == 0) return;
  const auto first = products.product(0);
  const Index splits = std::max<Index>(1, blocks_of(depth, chunk));
  float* partial =
      splits > 1 ? gpu_stream(stream).template scratch<float>(0, splits * results) : nullptr;
  Cut cut{};
  cut.chunk = chunk;
  cut.results = results;
  cut.phases = products.phases();
  cut.runs = runs && plane % 4 == 0 && (partial || aligned_for<4>(operands.y));
  const bool left_runs = products.reads_left_in_runs() && first.left_row % kLeftRun<T> == 0 &&
                         aligned_for<kLeftRun<T>>(operands.left);
  const auto run = [&]<class Tile>(Tile) {
    if constexpr (Tile::kLeftRuns)
      if (left_runs)
        return launch_tiles<T, Tile, LeftRuns<T, Tile>>(name, products, operands, cut, first.rows,
                                                        first.columns, splits, partial, stream);
    launch_tiles<T, Tile, LeftElements<T, Tile>>(name, products, operands, cut, first.rows,
                                                 first.columns, splits, partial, stream);
  };
  // Four rows or fewer would leave three quarters of a tensor core's rows empty. Nothing here looks
  // at the batch, for tensor cores and fused multiply-adds give different bits.
  const Shape shape = shape_for(first.rows, first.columns);
  if (shape != Shape::kNarrow && uses_tensor_cores<T>(stream)) {
    using Arithmetic = TensorArithmetic<T>;
    if (shape == Shape::kLarge) run(LargeTensorTile<Arithmetic>{});
    if (shape == Shape::kMedium) run(MediumTensorTile<Arithmetic>{});
    if (shape == Shape::kSmall) run(SmallTensorTile<Arithmetic>{});
  } else {
    if (shape == Shape::kLarge) run(LargeTile{});
    if (shape == Shape::kMedium) run(MediumTile{});
    if (shape == Shape::kSmall) run(SmallTile{});
    if (shape == Shape::kNarrow) run(NarrowTile{});
  }
  if (partial)
    sum_splits(partial, operands.bias, operands.y, results, splits, channels, plane, stream);
}

// Offsets inside one image are ints.
void check_source(const Gather& source) {
  if (source.channels * source.plane() > std::numeric_limits<int>::max())
    throw std::length_error("convolution: an image of 2^31 elements or more");
}

// Most features that a phase along one axis of the adjoint has taps for.
Index most_taps(Index size, Index kernel, Index stride, Index pad, Index dilation) {
  int most = 0;
  for (Index residue = 0; residue < std::min(stride, size); ++residue)
    most = std::max(
        most, phase_of(static_cast<int>(size), static_cast<int>(kernel), static_cast<int>(stride),
                       static_cast<int>(pad), static_cast<int>(dilation), static_cast<int>(residue))
                  .taps);
  return most;
}

// Both directions, in groups of images whose partial sums are few enough.
template <class T>
void correlate(const char* name, const ConvGeometry& g, bool adjoint, ConvOperands<T> operands,
               Stream& stream) {
  if (g.batch == 0) return;
  Correlations products{g, adjoint};
  products.g.batch = 1;
  const Correlation one = products.product(0);
  check_source(one.gather);
  // Nothing here looks at the batch, for windows sum in another order.
  if (uses_tensor_cores<T>(stream) && suits_windows<T>(products))
    return correlate_windows(name, Correlations{g, adjoint}, operands, stream);
  const Index depth =
      adjoint
          ? g.out_channels * most_taps(g.in_height, g.kernel_h, g.stride_h, g.pad_h, g.dilation_h) *
                most_taps(g.in_width, g.kernel_w, g.stride_w, g.pad_w, g.dilation_w)
          : one.depth;
  const Index chunk = chunk_for(one.rows, one.columns, depth, products.phases());
  const Index splits = blocks_of(depth, chunk);
  const Index source = static_cast<Index>(one.gather.channels) * one.gather.plane(),
              result = one.rows * one.target_row;
  const Index group =
      splits > 1 ? std::max<Index>(1, kMostPartialSums / std::max<Index>(1, splits * result))
                 : g.batch;
  const bool runs = !adjoint || (g.stride_h == 1 && g.stride_w == 1);
  for (Index n = 0; n < g.batch; n += group) {
    products.g.batch = std::min(group, g.batch - n);
    multiply(name, products, operands, chunk, depth, products.g.batch * result,
             static_cast<Index>(one.rows), one.target_row, runs, stream);
    operands.right += group * source;
    operands.y += group * result;
  }
}

// --- sum over a channel ---

constexpr int kBiasThreads = 256;
// A block's share of a channel, so that three channels of a large map are many blocks.
constexpr Index kBiasChunk = 4096;

// sums[c, part] = sum of dy[n, c, i] over one part of the (n, i), n outermost; or dbias[c], where
// one part is all. A block owns one (c, part); its threads walk it side by side.
template <class T, class Out>
__global__ void __launch_bounds__(kBiasThreads)
    channel_sums_kernel(Global<const T> dy, Global<Out> sums, Index batch, Index channels,
                        Index plane, Index parts) {
  const Index c = blockIdx.x / parts, part = blockIdx.x % parts;
  const Index end = min((part + 1) * kBiasChunk, batch * plane);
  Index at = part * kBiasChunk + threadIdx.x;
  Index image = at / plane, i = at % plane;
  const Index images = kBiasThreads / plane, rest = kBiasThreads % plane;
  double sum = 0;
  for (; at < end; at += kBiasThreads) {
    sum += static_cast<float>(dy[(image * channels + c) * plane + i]);
    image += images;
    i += rest;
    if (i >= plane) {
      i -= plane;
      ++image;
    }
  }
  sum = block_sum<kBiasThreads>(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = Out(sum);
}

// dbias[c] = sum of sums[c, :]. A warp owns a channel.
template <class T>
__global__ void __launch_bounds__(kBiasThreads)
    sum_parts_kernel(Global<const double> sums, Global<T> dbias, Index channels, Index parts) {
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  const Index c = static_cast<Index>(blockIdx.x) * (kBiasThreads / kWarpSize) + warp;
  if (c >= channels) return;
  double sum = 0;
  for (Index part = lane; part < parts; part += kWarpSize) sum += sums[c * parts + part];
  sum = warp_sum(sum);
  if (lane == 0) dbias[c] = T(sum);
}

}  // namespace

template <class T>
void convolve(const ConvGeometry& g, const T* x, Activation activation, float slope,
              const T* weight, const T* bias, T* y, Stream& stream) {
  correlate("convolve", g, false, ConvOperands<T>{weight, x, bias, y, activation, slope}, stream);
}

template <class T>
void convolve_adjoint(const ConvGeometry& g, const T* y, Activation activation, float slope,
                      const T* weight, const T* bias, T* x, Stream& stream) {
  correlate("convolve_adjoint", g, true, ConvOperands<T>{weight, y, bias, x, activation, slope},
            stream);
}

template <class T>
void convolve_weights(const ConvGeometry& g, const T* y, const T* x, T* dweight, Stream& stream) {
  const WeightGradients products{g};
  const WeightGradient w = products.product(0);
  check_source(w.gather);
  const Index chunk = chunk_for(w.rows, w.columns, w.depth, 1);
  multiply("convolve_weights", products, ConvOperands<T>{y, x, nullptr, dweight}, chunk, w.depth,
           w.rows * w.columns, static_cast<Index>(w.rows), w.columns, true, stream);
}

template <class T>
void bias_gradient(const T* dy, Index batch, Index channels, Index plane, T* dbias,
                   Stream& stream) {
  if (channels == 0) return;
  const Index parts = std::max<Index>(1, blocks_of(batch * plane, kBiasChunk));
  // A plane of nothing is as good as one of one element that no image has.
  const Index images = plane ? batch : 0;
  const Index elements = std::max<Index>(1, plane);
  if (parts == 1) {
    launch("conv_bias_gradient", channel_sums_kernel<T, T>, {grid_of(channels), kBiasThreads},
           stream, dy, dbias, images, channels, elements, parts);
    return;
  }
  double* sums = gpu_stream(stream).template scratch<double>(0, channels * parts);
  launch("conv_bias_gradient", channel_sums_kernel<T, double>,
         {grid_of(channels * parts), kBiasThreads}, stream, dy, sums, images, channels, elements,
         parts);
  launch("conv_bias_gradient_sum", sum_parts_kernel<T>,
         {grid_of(blocks_of<Index>(channels, kBiasThreads / kWarpSize)), kBiasThreads}, stream,
         sums, dbias, channels, parts);
}

#define OFER_CONV_PRODUCTS(T)                                                                     \
  template void convolve<T>(const ConvGeometry&, const T*, Activation, float, const T*, const T*, \
                            T*, Stream&);                                                         \
  template void convolve_adjoint<T>(const ConvGeometry&, const T*, Activation, float, const T*,   \
                                    const T*, T*, Stream&);                                       \
  template void convolve_weights<T>(const ConvGeometry&, const T*, const T*, T*, Stream&);        \
  template void bias_gradient<T>(const T*, Index, Index, Index, T*, Stream&);
OFER_CONV_PRODUCTS(float)
OFER_CONV_PRODUCTS(BFloat16)
#undef OFER_CONV_PRODUCTS

}  // namespace ofer::kernels::OFER_GPU
