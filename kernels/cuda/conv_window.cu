// Which convolutions are computed from windows, how they are cut into blocks, and their launches.
#include "kernels/cuda/conv_window.h"

#include <algorithm>

#include "kernels/bf16.h"
#include "kernels/cuda/conv_sums.cuh"
#include "kernels/cuda/conv_window.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

//                                 rows lines warp_rows blocks
// 64 channels x 64 positions a warp: 32 products for 8 loads of fragments.
template <class Arithmetic>
using WideWindow = WindowTile<Arithmetic, 128, 8, 2, 2>;
template <class Arithmetic>
using MediumWindow = WindowTile<Arithmetic, 64, 8, 2, 3>;
// Where there are few blocks.
template <class Arithmetic>
using SmallWindow = WindowTile<Arithmetic, 32, 8, 1, 4>;
template <class Arithmetic>
using TinyWindow = WindowTile<Arithmetic, 32, 4, 1, 6>;
// To a picture's three channels: all warps have the same eight.
template <class Arithmetic>
using NarrowWindow = WindowTile<Arithmetic, 8, 8, 1, 4>;

// Lines and positions of all tiles but the smallest, by which a geometry is judged.
constexpr int kHeight = WideWindow<Bf16>::kHeight, kWidth = WideWindow<Bf16>::kWidth;

// The largest device's multiprocessors: each should have a block.
constexpr Index kEnough = 132;

// So many small blocks of one image need no help from its depth. A constant, because the order of
// the sums hangs on it, as it does on the least part of the depth, which pays for a block's start.
constexpr Index kFill = 128;
constexpr int kLeastChunksOfSplit = 2;

// Below this share of positions that exist, blocks of single positions (conv_product.cuh) do less.
constexpr double kLeastUse = 0.6;

int tiles_h(const Gather& g, int height = kHeight) {
  return blocks_of(g.positions_h, height);
}
int tiles_w(const Gather& g) {
  return blocks_of(g.positions_w, kWidth);
}

int window_of(const Gather& g, int height = kHeight) {
  return window_axis(height, g.taps_h, g.step_h, g.stride_h).size *
         window_axis(kWidth, g.taps_w, g.step_w, g.stride_w).size;
}

template <class Tile, class T>
void run(const char* name, const Correlations& all, const ConvOperands<T>& operands,
         Stream& stream) {
  using Word = typename Tile::Word;
  const Correlation first = all.product(0);
  const Gather& g = first.gather;
  int most_taps = 0, window = 0;
  for (int phase = 0; phase < all.phases(); ++phase) {
    const Gather one = all.product(phase).gather;
    most_taps = std::max(most_taps, one.taps());
    window = std::max(window, window_of(one, Tile::kHeight));
  }
  const Index rows = first.rows, images = all.g.batch, result = rows * first.target_row;
  WindowCut cut{};
  cut.row_tiles = blocks_of(first.rows, Tile::kRows);
  cut.phases = all.phases();
  cut.tiles_h = tiles_h(g, Tile::kHeight);
  cut.tiles_w = tiles_w(g);
  cut.chunks = blocks_of(g.channels, Tile::kChannels);
  cut.left_phase = static_cast<Index>(cut.chunks) * most_taps * rows * Tile::kWords;
  cut.shared_words = Tile::shared_words(window);
  cut.pairs = first.target_w == 1 && first.target_h % 2 == 0 && first.target_row % 2 == 0 &&
              aligned_for<2>(operands.y);
  // Blocks of an image whose depth is not split; and what decides whether it is.
  const Index blocks = Index{cut.phases} * cut.tiles_h * cut.tiles_w * cut.row_tiles;
  constexpr int kSmallRows = SmallWindow<typename Tile::Arithmetic>::kRows;
  const Index small_blocks = Index{cut.phases} * tiles_h(g) * cut.tiles_w *
                             blocks_of(first.rows, kSmallRows);
  const int wanted = static_cast<int>(std::max<Index>(1, kFill / small_blocks));
  cut.chunks_of_split = std::max(blocks_of(cut.chunks, wanted), kLeastChunksOfSplit);
  const int splits = blocks_of(cut.chunks, cut.chunks_of_split);
  const Index group =
      splits > 1 ? std::max<Index>(1, kMostPartialSums / (splits * result)) : images;

  GpuStream& gpu = gpu_stream(stream);
  Word* packed = gpu.template scratch<Word>(1, cut.phases * cut.left_phase);
  const Index pack_blocks = blocks_of<Index>(cut.chunks * rows * Tile::kWords, kPackThreads);
  launch("pack_weights", pack_weights_kernel<T, Tile>,
         {grid_of(pack_blocks * cut.phases), kPackThreads}, stream, operands.left, packed, all,
         cut.chunks, cut.left_phase, static_cast<int>(pack_blocks));
  float* partial = splits > 1
                       ? gpu.template scratch<float>(0, splits * result * std::min(group, images))
                       : nullptr;
  for (Index n = 0; n < images; n += group) {
    const Index count = std::min(group, images - n);
    const T* right = operands.right + n * g.channels * g.plane();
    T* y = operands.y + n * result;
    cut.images = static_cast<int>(count);
    cut.results = count * result;
    launch(name, conv_window_kernel<T, Tile>,
           {grid_of(blocks * count * splits), Tile::kThreads,
            static_cast<std::size_t>(cut.shared_words) * sizeof(Word)},
           stream, packed, right, operands.bias, y, partial, all, cut, operands.activation,
           operands.slope);
    if (partial)
      sum_splits(partial, operands.bias, y, cut.results, splits, rows, first.target_row, stream);
  }
}

}  // namespace

template <class T>
bool suits_windows(const Correlations& products) {
  const Gather first = products.product(0).gather;
  // One chunk has nothing to multiply while its window is brought.
  if (first.channels <= WideWindow<TensorArithmetic<T>>::kChannels) return false;
  const Index tiles = Index{tiles_h(first)} * tiles_w(first);
  if (first.positions() < kLeastUse * static_cast<double>(tiles * kHeight * kWidth)) return false;
  for (int phase = 0; phase < products.phases(); ++phase) {
    const Gather g = products.product(phase).gather;
    if (g.taps() == 0) continue;
    if (g.step_h % g.stride_h != 0 || g.step_w % g.stride_w != 0) return false;
    const int window = window_of(g);
    if (window > kMostWindow ||
        blocks_of(window, kWarpSize) > kMostPartsOfTap * bringing_taps(g.taps()))
      return false;
  }
  return true;
}

template <class T>
void correlate_windows(const char* name, Correlations products, ConvOperands<T> operands,
                       Stream& stream) {
  using Arithmetic = TensorArithmetic<T>;
  const Correlation first = products.product(0);
  const Index places =
      products.g.batch * products.phases() * tiles_h(first.gather) * tiles_w(first.gather);
  // A result is the same sum in every tile: the tile follows all images.
  const auto fits = [&](int rows) {
    return (first.rows > rows / 2 || rows == SmallWindow<Arithmetic>::kRows) &&
           places * blocks_of(first.rows, rows) >= kEnough;
  };
  if (first.rows <= NarrowWindow<Arithmetic>::kRows)
    run<NarrowWindow<Arithmetic>>(name, products, operands, stream);
  else if (fits(WideWindow<Arithmetic>::kRows))
    run<WideWindow<Arithmetic>>(name, products, operands, stream);
  else if (fits(MediumWindow<Arithmetic>::kRows))
    run<MediumWindow<Arithmetic>>(name, products, operands, stream);
  else if (fits(SmallWindow<Arithmetic>::kRows))
    run<SmallWindow<Arithmetic>>(name, products, operands, stream);
  else
    run<TinyWindow<Arithmetic>>(name, products, operands, stream);
}

template bool suits_windows<float>(const Correlations&);
template bool suits_windows<BFloat16>(const Correlations&);
template void correlate_windows<float>(const char*, Correlations, ConvOperands<float>, Stream&);
template void correlate_windows<BFloat16>(const char*, Correlations, ConvOperands<BFloat16>,
                                          Stream&);

}  // namespace ofer::kernels::OFER_GPU
