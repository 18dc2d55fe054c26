// Where the elements of a convolution's three matrix products lie. No matrix of columns is ever
// written: an element of one is a (feature, position) pair, and both halves of the pair contribute
// an offset into the source and a place in its plane; their sums say where the element is and
// whether it is inside. So a product's loader needs one small table for the depth and one for the
// columns.
#pragma once

#include "kernels/conv2d.h"
#include "kernels/cuda/device.cuh"

namespace ofer::kernels::OFER_GPU {

// The two halves of an element's address. A feature stays inside one image, of which 2^31 elements
// are enough; each is one load from shared memory.
struct alignas(16) FeaturePlace {
  int offset, row, column;
};
struct alignas(16) PositionPlace {
  Index offset;
  int row, column;
};

// Row of a half that does not exist; no other half brings it back inside.
constexpr int kOutside = -(1 << 29);

// The source S [N, C, H, W] seen as a matrix of features (c, i, j) and positions (n, p, q):
//   S[n, c, first_h + p stride_h + i step_h, first_w + q stride_w + j step_w], zero outside.
struct Gather {
  int channels, height, width;
  int taps_h, taps_w;
  int positions_h, positions_w;
  int first_h, first_w;
  int stride_h, stride_w;
  int step_h, step_w;

  struct Feature {
    int channel, i, j;
  };
  struct Position {
    Index image;
    int p, q;
  };

  __host__ __device__ int taps() const { return taps_h * taps_w; }
  __host__ __device__ int positions() const { return positions_h * positions_w; }
  __host__ __device__ Index plane() const { return static_cast<Index>(height) * width; }

  __device__ Feature feature(int number) const {
    const unsigned f = static_cast<unsigned>(number), t = static_cast<unsigned>(taps());
    const unsigned tap = f % t, w = static_cast<unsigned>(taps_w);
    return {static_cast<int>(f / t), static_cast<int>(tap / w), static_cast<int>(tap % w)};
  }
  // `number` positions after the first one of `image`.
  __device__ Position position(Index image, unsigned number) const {
    const unsigned all = static_cast<unsigned>(positions()), w = static_cast<unsigned>(positions_w);
    const unsigned in_image = number % all;
    return {image + number / all, static_cast<int>(in_image / w), static_cast<int>(in_image % w)};
  }
  __device__ FeaturePlace place(const Feature& f) const {
    const int row = f.i * step_h, column = f.j * step_w;
    return {(f.channel * height + row) * width + column, row, column};
  }
  __device__ PositionPlace place(const Position& at) const {
    const int row = first_h + at.p * stride_h, column = first_w + at.q * stride_w;
    return {at.image * channels * plane() + static_cast<Index>(row) * width + column, row, column};
  }
  template <class A, class B>
  __device__ bool inside(const A& a, const B& b) const {
    const bool row = static_cast<unsigned>(a.row + b.row) < static_cast<unsigned>(height),
               column = static_cast<unsigned>(a.column + b.column) < static_cast<unsigned>(width);
    return row & column;  // both at once: a branch would cost more than the second comparison
  }
};

// Along one axis of a convolution, what reaches the inputs h = residue, residue + stride, ...: the
// taps first_tap + t tap_step, and tap t joins input number r of these with output r + first +
// t step. No other tap does, so the adjoint over these inputs is a convolution of stride 1.
struct Phase {
  int taps, first_tap, tap_step;
  int first, step;
  int positions;
};

__host__ __device__ inline Phase phase_of(int size, int kernel, int stride, int pad, int dilation,
                                          int residue) {
  Phase phase{};
  // From p stride = h + pad - i dilation: the first i that divides, and how far the next one is.
  while (phase.first_tap < kernel && (residue + pad - phase.first_tap * dilation) % stride != 0)
    ++phase.first_tap;
  phase.tap_step = 1;
  while (phase.tap_step * dilation % stride != 0) ++phase.tap_step;
  if (phase.first_tap < kernel) {
    phase.taps = (kernel - 1 - phase.first_tap) / phase.tap_step + 1;
    phase.first = (residue + pad - phase.first_tap * dilation) / stride;
    phase.step = -(phase.tap_step * dilation / stride);
  }
  phase.positions = residue < size ? (size - 1 - residue) / stride + 1 : 0;
  return phase;
}

// A product target[row, column] = sum over the depth of left[row, k] right[k, column]. What a k and
// what a column stand for:
template <class Place>
struct Term {
  Index left;  // offset in `left`; its row comes on top
  Place right;
};
template <class Place>
struct Column {
  Index target;  // offset in the result; its row comes on top
  Place right;
};

// A convolution y = W * x, or one phase of its adjoint x = W^T * y. The result's channels are the
// rows, its positions in all images the columns, the source's features the depth.
struct Correlation {
  using TermPlace = FeaturePlace;
  using ColumnPlace = PositionPlace;
  static constexpr bool kReadsAlongDepth = false;  // neighbours in memory are neighbouring columns
  static constexpr bool kActivates = true;

  Gather gather;
  int rows;
  Index columns, depth;
  Index left_row, left_channel;
  int left_h, left_w, left_first;
  Index target_row;
  int target_h, target_w, target_first;
  // Where the block's columns and depth begin.
  Index image;
  unsigned position;
  int feature;

  __device__ void start(Index first_column, Index first_k) {
    if (columns == 0) return;
    image = first_column / gather.positions();
    position = static_cast<unsigned>(first_column % gather.positions());
    feature = static_cast<int>(first_k);
  }
  __device__ Term<TermPlace> term(int k) const {
    const Gather::Feature f = gather.feature(feature + k);
    return {f.channel * left_channel + f.i * left_h + f.j * left_w + left_first, gather.place(f)};
  }
  __device__ Column<ColumnPlace> column(int n) const {
    const Gather::Position at = gather.position(image, position + static_cast<unsigned>(n));
    return {at.image * rows * target_row + static_cast<Index>(at.p) * target_h +
                static_cast<Index>(at.q) * target_w + target_first,
            gather.place(at)};
  }
};

// What the correlations of a call have in common: the convolution's geometry (x is its `in_`, y its
// `out_`, W [O, C, kh, kw]), and whether it is the adjoint.
struct Correlations {
  using Product = Correlation;

  ConvGeometry g;
  bool adjoint;

  // Inputs of each residue modulo the stride are a product of their own.
  __host__ __device__ int phases_h() const {
    return adjoint ? static_cast<int>(g.stride_h < g.in_height ? g.stride_h : g.in_height) : 1;
  }
  __host__ __device__ int phases_w() const {
    return adjoint ? static_cast<int>(g.stride_w < g.in_width ? g.stride_w : g.in_width) : 1;
  }
  __host__ __device__ int phases() const { return phases_h() * phases_w(); }
  // Is each step of the depth the neighbour of the one before it in `left`? If rows are multiples
  // of a run, then in all runs from a multiple of it on.
  bool reads_left_in_runs() const { return !adjoint; }

  __host__ __device__ Correlation product(int phase) const {
    const int in_channels = static_cast<int>(g.in_channels),
              out_channels = static_cast<int>(g.out_channels),
              in_height = static_cast<int>(g.in_height), in_width = static_cast<int>(g.in_width),
              out_height = static_cast<int>(g.out_height),
              out_width = static_cast<int>(g.out_width), kernel_h = static_cast<int>(g.kernel_h),
              kernel_w = static_cast<int>(g.kernel_w), stride_h = static_cast<int>(g.stride_h),
              stride_w = static_cast<int>(g.stride_w), pad_h = static_cast<int>(g.pad_h),
              pad_w = static_cast<int>(g.pad_w), dilation_h = static_cast<int>(g.dilation_h),
              dilation_w = static_cast<int>(g.dilation_w);
    const Index taps = static_cast<Index>(kernel_h) * kernel_w;
    Correlation c{};
    if (!adjoint) {
      c.gather = {in_channels, in_height, in_width, kernel_h, kernel_w,   out_height, out_width,
                  -pad_h,      -pad_w,    stride_h, stride_w, dilation_h, dilation_w};
      c.rows = out_channels;
      c.left_row = in_channels * taps;
      c.left_channel = taps;
      c.left_h = kernel_w;
      c.left_w = 1;
      c.target_row = g.out_height * g.out_width;
      c.target_h = out_width;
      c.target_w = 1;
    } else {
      const int residue_h = phase / phases_w(), residue_w = phase % phases_w();
      const Phase h = phase_of(in_height, kernel_h, stride_h, pad_h, dilation_h, residue_h),
                  w = phase_of(in_width, kernel_w, stride_w, pad_w, dilation_w, residue_w);
      c.gather = {out_channels, out_height, out_width, h.taps, w.taps, h.positions, w.positions,
                  h.first,      w.first,    1,         1,      h.step, w.step};
      c.rows = in_channels;
      c.left_row = taps;
      c.left_channel = in_channels * taps;
      c.left_h = h.tap_step * kernel_w;
      c.left_w = w.tap_step;
      c.left_first = h.first_tap * kernel_w + w.first_tap;
      c.target_row = g.in_height * g.in_width;
      c.target_h = stride_h * in_width;
      c.target_w = stride_w;
      c.target_first = residue_h * in_width + residue_w;
    }
    c.columns = g.batch * c.gather.positions();
    c.depth = static_cast<Index>(c.gather.channels) * c.gather.taps();
    return c;
  }
};

// dW[o, (c, i, j)] = sum over (n, p, q) of y[n, o, p, q] x[n, c, ...]: the same elements of x with
// the roles exchanged, positions along the depth and features along the columns.
struct WeightGradient {
  using TermPlace = PositionPlace;
  using ColumnPlace = FeaturePlace;
  static constexpr bool kReadsAlongDepth = true;  // neighbours in memory are neighbouring positions
  static constexpr bool kActivates = false;

  Gather gather;
  int rows;
  Index columns, depth;
  Index left_row;
  Index target_row;
  // Where the block's columns and depth begin.
  int feature;
  Index image;
  unsigned position;

  __device__ void start(Index first_column, Index first_k) {
    feature = static_cast<int>(first_column);
    if (depth == 0) return;
    image = first_k / gather.positions();
    position = static_cast<unsigned>(first_k % gather.positions());
  }
  __device__ Term<TermPlace> term(int k) const {
    const Gather::Position at = gather.position(image, position + static_cast<unsigned>(k));
    return {at.image * rows * left_row + static_cast<Index>(at.p) * gather.positions_w + at.q,
            gather.place(at)};
  }
  __device__ Column<ColumnPlace> column(int n) const {
    return {static_cast<Index>(feature) + n, gather.place(gather.feature(feature + n))};
  }
};

struct WeightGradients {
  using Product = WeightGradient;

  ConvGeometry g;

  __host__ __device__ int phases() const { return 1; }
  bool reads_left_in_runs() const { return true; }  // within an image, whose positions are a row
  __host__ __device__ WeightGradient product(int) const {
    const Correlation forward = Correlations{g, false}.product(0);
    WeightGradient w{};
    w.gather = forward.gather;
    w.rows = forward.rows;
    w.columns = forward.depth;
    w.depth = forward.columns;
    w.left_row = forward.target_row;
    w.target_row = forward.left_row;
    return w;
  }
};

}  // namespace ofer::kernels::OFER_GPU
