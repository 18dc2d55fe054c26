// A convolution on tensor cores, each element of the source read once for all of its taps.
//
// conv_product_kernel gathers every (feature, position) of its product anew: nine loads of an
// element in a 3 x 3 convolution, each with its own address. Here a block owns a few lines of
// 16 positions of one image, and what all taps read of a few channels, its *window*, lies in shared
// memory once, channels innermost. A tap is then no more than another place in the window to start
// from.
//
// It takes sources in which neighbouring positions and neighbouring taps are whole steps of one
// grid: stride 1 with any dilation, a stride that divides the dilation (the U-Net's 4 x 4 kernels
// of stride and dilation 2 read every other row and column and nothing else), and every phase of
// the adjoint. The weights are packed first, for tensor cores want neighbouring channels of one tap
// side by side, and they are stored the other way round.
//
// A result is the sum over its split's chunks of channels, taps, and eight words, in ascending
// order, whatever the block and the batch.
#pragma once

#include <cstdint>

#include "kernels/cuda/activation.cuh"
#include "kernels/cuda/conv_gather.cuh"
#include "kernels/cuda/conv_tensor_tile.cuh"

namespace ofer::kernels::OFER_GPU {

// How a block shares out kRows channels at kHeight x 16 positions among its four warps; a warp's
// part is kRowTiles x kLines products of 8 channels and the 16 positions of one line.
template <class A, int rows, int lines, int warp_rows, int blocks>
struct WindowTile {
  using Arithmetic = A;
  using Word = typename A::Word;
  static constexpr int kRows = rows, kHeight = lines, kWidth = 16;
  static constexpr int kThreads = 128, kBlocks = blocks, kWarps = kThreads / kWarpSize;
  static constexpr int kWarpRows = warp_rows, kWarpLines = kWarps / warp_rows;
  static constexpr int kRowTiles = rows / kWarpRows / 8, kLines = kHeight / kWarpLines;
  static_assert(kRowTiles * 8 * kWarpRows == rows && (kRowTiles == 1 || kRowTiles % 2 == 0));
  static_assert(kLines * kWarpLines == lines);

  // A chunk of the depth: the channels of 16 words, 16 bytes of each position for each warp to
  // bring.
  static constexpr int kPair = A::kPair, kWords = 16, kChannels = kWords * kPair;
  static constexpr int kVector = kChannels / kWarps;
  // Weights of one tap each, the one in use and those on their way.
  static constexpr int kStages = 4;
  static constexpr int kLeftStage = rows * kWords;
  static constexpr int shared_words(int window) {
    return kStages * kLeftStage + 2 * window * kWords;
  }
};

// Where four words, a quarter, of a line of a window or of a stage of weights lie. Eight lines
// whose numbers differ modulo 8 have theirs in different banks, and so have two neighbours all of
// theirs.
__device__ __forceinline__ int quarter_place(int line, int quarter) {
  return line * 16 + (quarter ^ (line / 2 % 4)) * 4;
}
// From quarter 0 or 1 to 2 or 3.
__device__ __forceinline__ int two_quarters_on(int place) {
  return place ^ 8;
}

// Parts of a window, 32 positions each, that are under way while a tap is multiplied; and before
// the first one.
constexpr int kMostPartsOfTap = 2, kPartsAtOnce = 4;
constexpr int kMostWindow = 256;

// Taps during which the next window's parts may be brought: what comes with the last but one is
// there for the barrier behind the last.
__host__ __device__ constexpr int bringing_taps(int taps) {
  return taps - 1;
}

// One axis of a block's window: `size` places, the first of them `low` from the block's first
// position, `unit` from a tap to the next.
struct WindowAxis {
  int low, unit, size;
};
__host__ __device__ inline WindowAxis window_axis(int positions, int taps, int step, int stride) {
  const int unit = step / stride, reach = taps > 0 ? (taps - 1) * unit : 0;
  return {reach < 0 ? reach : 0, unit, positions + (reach < 0 ? -reach : reach)};
}

// How a call's work is cut into blocks.
struct WindowCut {
  int row_tiles, phases, tiles_h, tiles_w, images;
  int chunks, chunks_of_split;
  Index left_phase;  // words of a phase's weights
  Index results;     // of the call: elements between two splits' partial sums
  int shared_words;
  bool pairs;  // two neighbouring positions, from an even one on, are aligned neighbours in y
};

// --- weights ---

constexpr int kPackThreads = 256;

// packed[phase, chunk, tap, row, word] from the left operand of each phase, zeros for the channels
// behind the last. A thread owns a word of all taps.
template <class T, class Tile>
__global__ void __launch_bounds__(kPackThreads)
    pack_weights_kernel(Global<const T> weight, Global<typename Tile::Word> packed,
                        Correlations products, int chunks, Index left_phase, int phase_blocks) {
  OFER_SHARED(Correlation, products_of_block, 1);
  const int phase = static_cast<int>(blockIdx.x) / phase_blocks;
  if (threadIdx.x == 0) products_of_block[0] = products.product(phase);
  __syncthreads();
  const Correlation product = products_of_block[0];
  const int rows = product.rows;
  Index number = static_cast<Index>(blockIdx.x % phase_blocks) * kPackThreads + threadIdx.x;
  const int word = static_cast<int>(number % Tile::kWords);
  number /= Tile::kWords;
  const Index row = number % rows, chunk = number / rows;
  if (chunk >= chunks) return;
  const int taps = product.gather.taps(), channels = product.gather.channels;
  const Index channel = chunk * Tile::kChannels + word * Tile::kPair;
  Index to = phase * left_phase + (chunk * taps * rows + row) * Tile::kWords + word;
  for (int i = 0; i < product.gather.taps_h; ++i)
    for (int j = 0; j < product.gather.taps_w; ++j) {
      const Index from = row * product.left_row + channel * product.left_channel +
                         static_cast<Index>(i) * product.left_h +
                         static_cast<Index>(j) * product.left_w + product.left_first;
      T element[Tile::kPair];
#pragma unroll
      for (int e = 0; e < Tile::kPair; ++e) {
        element[e] = T(0.0f);
        if (channel + e < channels) element[e] = weight[from + e * product.left_channel];
      }
      packed[to] = Tile::Arithmetic::word(element);
      to += static_cast<Index>(rows) * Tile::kWords;
    }
}

// --- window ---

// What a lane brings of a window at once: kVector channels of one position.
template <class T, class Tile>
struct WindowPart {
  T element[Tile::kVector];
  int position = 0;
  bool inside = false, there = false;

  // `channels`: how many exist from the warp's first on; `from`: that channel's plane.
  __device__ __forceinline__ void fetch(Global<const T> from, Shared<int> places, int first,
                                        int window, int channels, Index plane) {
    position = first + static_cast<int>(threadIdx.x) % kWarpSize;
    there = position < window;
    const int place = there ? static_cast<int>(places[position]) : -1;
    inside = place >= 0;
#pragma unroll
    for (int e = 0; e < Tile::kVector; ++e) {
      element[e] = T(0.0f);
      if (inside && e < channels) element[e] = from[place + e * plane];
    }
  }
  __device__ __forceinline__ void store(Shared<typename Tile::Word> window, Activation activation,
                                        float slope) const {
    if (!there) return;
    Vector<typename Tile::Word, 4> words;
    const auto put = [&](const auto& f) {
#pragma unroll
      for (int w = 0; w < 4; ++w) {
        float value[Tile::kPair];
#pragma unroll
        for (int e = 0; e < Tile::kPair; ++e)
          value[e] = f(static_cast<float>(element[w * Tile::kPair + e]));
        words[w] = Tile::Arithmetic::word(value);
      }
    };
    // The zeros around the source stay zeros, also where f(0) is another number; channels that do
    // not exist meet weights of zero.
    if (activation == Activation::kNone || !inside) {
#pragma unroll
      for (int w = 0; w < 4; ++w) {
        T pair[Tile::kPair];
#pragma unroll
        for (int e = 0; e < Tile::kPair; ++e) pair[e] = element[w * Tile::kPair + e];
        words[w] = Tile::Arithmetic::word(pair);
      }
    } else {
      with_activation(activation, slope, put);
    }
    store_vector<4>(window, quarter_place(position, static_cast<int>(threadIdx.x) / kWarpSize),
                    words);
  }
};

// --- products ---

// The thread's results. A product is of the transposes, 16 positions by 8 channels (see
// conv_tensor_tile.cuh); its rows g and g + 8 are positions 2 g and 2 g + 1 of a line, for g of 4
// and more the other way round, so that the eight rows of a fragment differ modulo 8.
template <class Tile>
struct WindowSums {
  using Word = typename Tile::Word;

  float sums[Tile::kRowTiles][Tile::kLines][4] = {};
  int first_row, first_line, g, t;
  // Of the fragments' rows that this lane says the place of: in the weights where, in a window
  // which position and quarter.
  int left_lane, position, quarter;

  __device__ __forceinline__ WindowSums() {
    const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
    first_row = warp % Tile::kWarpRows * (Tile::kRowTiles * 8);
    first_line = warp / Tile::kWarpRows * Tile::kLines;
    g = lane / 4;
    t = lane % 4;
    const int matrix = lane / 8, r = lane % 8;
    position = 2 * r + ((r >= 4) != (matrix % 2 == 1) ? 1 : 0);
    quarter = matrix / 2;
    left_lane = first_row * Tile::kWords + (Tile::kRowTiles == 1
                                                ? quarter_place(r, matrix)
                                                : quarter_place(matrix / 2 * 8 + r, matrix % 2));
  }
  // Of channel `first_row + 8 i + 2 t + c`, position 2 g + e of line `first_line + j`.
  __device__ __forceinline__ float value(int i, int j, int c, int e) const {
    return (g >= 4) != (e == 1) ? sums[i][j][2 + c] : sums[i][j][c];
  }

  // sums += left right over one tap's words. `left`: its stage of weights; `right`: the window, of
  // which the tap reads place `first` for the block's first position, `width` places in a line.
  __device__ __forceinline__ void multiply(Shared<Word> left, Shared<Word> right, int first,
                                           int width) {
    int right_lane[Tile::kLines];
#pragma unroll
    for (int j = 0; j < Tile::kLines; ++j)
      right_lane[j] = quarter_place(first + (first_line + j) * width + position, quarter);
#pragma unroll
    for (int step = 0; step < Tile::kWords / 8; ++step) {
      Word a[Tile::kLines][4], b[Tile::kRowTiles][2];
      std::uint32_t r[4];
#pragma unroll
      for (int j = 0; j < Tile::kLines; ++j) {
        load_matrices(right, step == 0 ? right_lane[j] : two_quarters_on(right_lane[j]), r);
#pragma unroll
        for (int i = 0; i < 4; ++i) a[j][i] = Tile::Arithmetic::word_of(r[i]);
      }
      if constexpr (Tile::kRowTiles == 1) {
        load_matrices(left, left_lane, r);
        b[0][0] = Tile::Arithmetic::word_of(r[2 * step]);
        b[0][1] = Tile::Arithmetic::word_of(r[2 * step + 1]);
      } else {
#pragma unroll
        for (int i = 0; i < Tile::kRowTiles; i += 2) {
          const int lane = step == 0 ? left_lane : two_quarters_on(left_lane);
          load_matrices(left, i * 8 * Tile::kWords + lane, r);
#pragma unroll
          for (int k = 0; k < 4; ++k) b[i + k / 2][k % 2] = Tile::Arithmetic::word_of(r[k]);
        }
      }
#pragma unroll
      for (int i = 0; i < Tile::kRowTiles; ++i)
#pragma unroll
        for (int j = 0; j < Tile::kLines; ++j) Tile::Arithmetic::multiply(sums[i][j], a[j], b[i]);
    }
  }

  // result[target + row target_row] of the block's rows and positions that exist.
  template <class Out>
  __device__ __forceinline__ void store(Global<Out> result, const Correlation& product,
                                        Index target, Global<const Out> bias, int block_row,
                                        int rows, int lines, int width, bool pairs) const {
    const int q = 2 * g;
#pragma unroll
    for (int i = 0; i < Tile::kRowTiles; ++i)
#pragma unroll
      for (int c = 0; c < 2; ++c) {
        const int row = first_row + i * 8 + 2 * t + c;
        if (row >= rows) continue;
        const float offset = bias ? static_cast<float>(bias[block_row + row]) : 0.0f;
        const Index row_at = target + static_cast<Index>(block_row + row) * product.target_row;
#pragma unroll
        for (int j = 0; j < Tile::kLines; ++j) {
          if (first_line + j >= lines || q >= width) continue;
          const Index at = row_at + static_cast<Index>(first_line + j) * product.target_h +
                           static_cast<Index>(q) * product.target_w;
          const Out low = Out(value(i, j, c, 0) + offset), high = Out(value(i, j, c, 1) + offset);
          if (pairs && q + 1 < width) {
            Vector<Out, 2> both;
            both[0] = low;
            both[1] = high;
            store_vector<2>(result, at, both);
          } else {
            result[at] = low;
            if (q + 1 < width) result[at + product.target_w] = high;
          }
        }
      }
  }
};

// Blocks are numbered so that those that run together share a window: the channels of one first,
// then the phases, which read nearly the same, then the tiles of a map. With `partial`, the sums of
// a split go there, in the layout of y, for sum_splits_kernel; without, y is written.
template <class T, class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    conv_window_kernel(Global<const typename Tile::Word> left, Global<const T> right,
                       Global<const T> bias, Global<T> y, Global<float> partial,
                       Correlations products, WindowCut cut, Activation activation, float slope) {
  using Word = typename Tile::Word;
  OFER_SHARED_DYNAMIC(Word, tiles, 0, cut.shared_words);
  OFER_SHARED(Correlation, products_of_block, 1);
  OFER_SHARED(int, places, kMostWindow);

  unsigned number = blockIdx.x;
  const auto next = [&](int count) {
    const int result = static_cast<int>(number % static_cast<unsigned>(count));
    number /= static_cast<unsigned>(count);
    return result;
  };
  const int row_tile = next(cut.row_tiles), phase = next(cut.phases);
  const int first_q = next(cut.tiles_w) * Tile::kWidth, first_p = next(cut.tiles_h) * Tile::kHeight;
  const Index image = next(cut.images), split = static_cast<Index>(number);
  const int thread = threadIdx.x, warp = thread / kWarpSize;
  if (thread == 0) products_of_block[0] = products.product(phase);
  __syncthreads();
  const Correlation product = products_of_block[0];
  const Gather& g = product.gather;
  if (first_p >= g.positions_h || first_q >= g.positions_w) return;  // the first phase has more

  const WindowAxis h = window_axis(Tile::kHeight, g.taps_h, g.step_h, g.stride_h),
                   w = window_axis(Tile::kWidth, g.taps_w, g.step_w, g.stride_w);
  const int window = h.size * w.size;
  for (int i = thread; i < window; i += Tile::kThreads) {
    const int row = g.first_h + (first_p + h.low + i / w.size) * g.stride_h,
              column = g.first_w + (first_q + w.low + i % w.size) * g.stride_w;
    const bool inside = static_cast<unsigned>(row) < static_cast<unsigned>(g.height) &&
                        static_cast<unsigned>(column) < static_cast<unsigned>(g.width);
    places[i] = inside ? row * g.width + column : -1;
  }
  __syncthreads();

  const int first_row = row_tile * Tile::kRows, my_rows = product.rows - first_row;
  const int first_chunk = static_cast<int>(split) * cut.chunks_of_split;
  const int chunks = min(cut.chunks_of_split, cut.chunks - first_chunk);
  const int taps = g.taps(), steps = chunks * taps;
  const int parts = blocks_of(window, kWarpSize);
  const int parts_of_tap = blocks_of(parts, max(bringing_taps(taps), 1));
  const Index plane = g.plane();
  const Index stage_words = static_cast<Index>(product.rows) * Tile::kWords;
  const Index left_first = phase * cut.left_phase +
                           static_cast<Index>(first_chunk) * taps * stage_words +
                           static_cast<Index>(first_row) * Tile::kWords;

  const auto start_left = [&](int step) {
    if (step < steps) {
      const Index from = left_first + step * stage_words;
      const int to = step % Tile::kStages * Tile::kLeftStage;
      for (int i = thread; i < Tile::kRows * 4; i += Tile::kThreads)
        copy_async<4>(tiles, to + quarter_place(i / 4, i % 4), left, from + i * 4, i / 4 < my_rows);
    }
    copy_async_commit();
  };
  const auto window_of = [&](int chunk) {
    return tiles + (Tile::kStages * Tile::kLeftStage + chunk % 2 * window * Tile::kWords);
  };
  const auto fetch = [&](WindowPart<T, Tile>& part, int chunk, int number_of_part) {
    const int channel = (first_chunk + chunk) * Tile::kChannels + warp * Tile::kVector;
    part.fetch(right + (image * g.channels + channel) * plane, places, number_of_part * kWarpSize,
               window, g.channels - channel, plane);
  };

  WindowSums<Tile> sums;
  if (steps > 0) {
    for (int step = 0; step < Tile::kStages - 1; ++step) start_left(step);
    for (int first = 0; first < parts; first += kPartsAtOnce) {
      WindowPart<T, Tile> part[kPartsAtOnce];
#pragma unroll
      for (int i = 0; i < kPartsAtOnce; ++i)
        if (first + i < parts) fetch(part[i], 0, first + i);
#pragma unroll
      for (int i = 0; i < kPartsAtOnce; ++i)
        if (first + i < parts) part[i].store(window_of(0), activation, slope);
    }
  }
  int chunk = 0, tap = 0, tap_h = 0, tap_w = 0;
  // Shares of the next chunk's window, each under way while a tap is multiplied.
  WindowPart<T, Tile> part[kMostPartsOfTap];
  const auto is_due = [&](int of_tap, int i) {
    return chunk + 1 < chunks && of_tap >= 0 && i < parts_of_tap &&
           of_tap * parts_of_tap + i < parts;
  };
  for (int step = 0; step < steps; ++step) {
    copy_async_wait<Tile::kStages - 2>();
    __syncthreads();  // the step's weights are there, and the step before has been multiplied
    start_left(step + Tile::kStages - 1);
#pragma unroll
    for (int i = 0; i < kMostPartsOfTap; ++i)
      if (is_due(tap - 1, i)) part[i].store(window_of(chunk + 1), activation, slope);
#pragma unroll
    for (int i = 0; i < kMostPartsOfTap; ++i)
      if (is_due(tap, i)) fetch(part[i], chunk + 1, tap * parts_of_tap + i);
    const int place = (tap_h * h.unit - h.low) * w.size + tap_w * w.unit - w.low;
    sums.multiply(tiles + step % Tile::kStages * Tile::kLeftStage, window_of(chunk), place, w.size);
    ++tap;
    if (++tap_w == g.taps_w) {
      tap_w = 0;
      if (++tap_h == g.taps_h) {
        tap_h = tap = 0;
        ++chunk;
      }
    }
  }

  const Index target = image * product.rows * product.target_row + product.target_first +
                       static_cast<Index>(first_p) * product.target_h +
                       static_cast<Index>(first_q) * product.target_w;
  const int lines = g.positions_h - first_p, width = g.positions_w - first_q;
  if (partial) {
    const Global<const float> no_bias = nullptr;
    sums.store(partial + split * cut.results, product, target, no_bias, first_row, my_rows, lines,
               width, cut.pairs);
  } else {
    sums.store(y, product, target, bias, first_row, my_rows, lines, width, cut.pairs);
  }
}

}  // namespace ofer::kernels::OFER_GPU
