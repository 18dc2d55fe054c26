// Convolution as a matrix product: the columns of one tile of output positions, and their adjoint.
//
// A column matrix has one row for each (channel, i, j) of the kernel and one column for each output
// position of the tile; the whole matrix never exists, only a tile that fits in the cache.
#pragma once

#include "kernels/conv2d.h"
#include "kernels/cpu/operations.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

// The range of output columns q, of [0, out_width), for which q * stride + shift falls inside
// [0, in_width).
struct ColumnRange {
  Index begin, end;
};

OFER_INLINE ColumnRange inside(Index shift, Index stride, Index in_width, Index out_width) {
  Index begin = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
  Index end = in_width - shift <= 0 ? 0 : (in_width - shift + stride - 1) / stride;
  if (end > out_width) end = out_width;
  if (begin > end) begin = end;
  return {begin, end};
}

// out[r, q] = plane[h + r, q + shift], zero outside, for `rows` rows as wide as the plane's;
// `range` are the q inside. The rows lie one behind the other on both sides, so all are copied at
// once.
template <class T>
OFER_INLINE void shifted_plane(const T* plane, Index height, Index width, Index h, Index shift,
                               ColumnRange range, Index rows, T* out) {
  const Index begin = h < 0 ? (-h < rows ? -h : rows) : 0;
  Index end = height - h < rows ? height - h : rows;
  if (end < begin) end = begin;
  for (Index q = 0; q < begin * width; ++q) out[q] = 0;
  if (begin < end) {
    const T* in = plane + (h + begin) * width + shift;
    T* first = out + begin * width;
    const Index last = (end - begin - 1) * width + range.end;
    for (Index q = range.begin; q < last; ++q) first[q] = in[q];
    for (Index r = begin; r < end; ++r) {
      for (Index q = 0; q < range.begin; ++q) out[r * width + q] = 0;
      for (Index q = range.end; q < width; ++q) out[r * width + q] = 0;
    }
  }
  for (Index q = end * width; q < rows * width; ++q) out[q] = 0;
}

// columns[((c kh + i) kw + j) * ld + (p - p0) Q + q] = x[c, p s_h - p_h + i d_h, q s_w - p_w + j
// d_w] (0 outside) for output rows p in [p0, p1) and the channels [c0, c1) of one image x [C, H,
// W]. Row 0 of `columns` belongs to channel c0.
template <class T>
void image_to_columns(const ConvGeometry& g, const T* x, Index c0, Index c1, Index p0, Index p1,
                      T* columns, Index ld) {
  const Index width = g.out_width;
  T* row = columns;
  for (Index c = c0; c < c1; ++c) {
    const T* plane = x + c * g.in_height * g.in_width;
    for (Index i = 0; i < g.kernel_h; ++i)
      for (Index j = 0; j < g.kernel_w; ++j, row += ld) {
        const Index shift = j * g.dilation_w - g.pad_w;
        const ColumnRange range = inside(shift, g.stride_w, g.in_width, width);
        if (g.stride_h == 1 && g.stride_w == 1 && g.in_width == width && range.begin < range.end) {
          shifted_plane(plane, g.in_height, width, p0 - g.pad_h + i * g.dilation_h, shift, range,
                        p1 - p0, row);
          continue;
        }
        for (Index p = p0; p < p1; ++p) {
          T* out = row + (p - p0) * width;
          const Index h = p * g.stride_h - g.pad_h + i * g.dilation_h;
          if (h < 0 || h >= g.in_height) {
            for (Index q = 0; q < width; ++q) out[q] = 0;
            continue;
          }
          const T* in = plane + h * g.in_width + shift;
          for (Index q = 0; q < range.begin; ++q) out[q] = 0;
          if (g.stride_w == 1) {
            for (Index q = range.begin; q < range.end; ++q) out[q] = in[q];
          } else {
            for (Index q = range.begin; q < range.end; ++q) out[q] = in[q * g.stride_w];
          }
          for (Index q = range.end; q < width; ++q) out[q] = 0;
        }
      }
  }
}

// The adjoint: adds every element of the columns of one channel (rows [kh kw] of `columns`) for
// output rows [p0, p1) to the place of x it came from. The plane is kept split by the phase of its
// column, plane[h][w mod s_w][w / s_w] with rows of `phase_width` = ceil(W / s_w), so that every
// addition runs over consecutive elements; merge_phases puts it together.
template <class T>
void columns_to_phases(const ConvGeometry& g, const T* columns, Index ld, Index p0, Index p1,
                       T* plane, Index phase_width) {
  const Index width = g.out_width, stride = g.stride_w;
  const T* row = columns;
  for (Index i = 0; i < g.kernel_h; ++i)
    for (Index j = 0; j < g.kernel_w; ++j, row += ld) {
      const Index shift = j * g.dilation_w - g.pad_w;
      const ColumnRange range = inside(shift, stride, g.in_width, width);
      // w = q s + shift = (q + whole) s + phase
      Index phase = shift % stride;
      if (phase < 0) phase += stride;
      const Index whole = (shift - phase) / stride;
      for (Index p = p0; p < p1; ++p) {
        const Index h = p * g.stride_h - g.pad_h + i * g.dilation_h;
        if (h < 0 || h >= g.in_height) continue;
        const T* in = row + (p - p0) * width;
        T* out = plane + (h * stride + phase) * phase_width + whole;
        for (Index q = range.begin; q < range.end; ++q) out[q] += in[q];
      }
    }
}

// x[h, w] = plane[h][w mod s][w / s] + bias
template <class T>
void merge_phases(const T* plane, Index height, Index width, Index stride, Index phase_width,
                  T bias, T* x) {
  for (Index h = 0; h < height; ++h) {
    const T* in = plane + h * stride * phase_width;
    T* out = x + h * width;
    if (stride == 2) {
      const Index pairs = width / 2;
      for (Index u = 0; u < pairs; ++u) {
        out[2 * u] = in[u] + bias;
        out[2 * u + 1] = in[phase_width + u] + bias;
      }
      if (width % 2) out[width - 1] = in[pairs] + bias;
    } else {
      for (Index w = 0; w < width; ++w) out[w] = in[w % stride * phase_width + w / stride] + bias;
    }
  }
}

// Output rows of one tile: its columns should take about `bytes`, and be whole rows.
template <class T>
OFER_INLINE Index tile_rows(const ConvGeometry& g, Index depth, Index bytes) {
  const Index row_bytes = depth * g.out_width * static_cast<Index>(sizeof(T));
  Index rows = row_bytes > 0 ? bytes / row_bytes : g.out_height;
  // A product over fewer columns than this wastes the library's register blocks.
  const Index least = g.out_width > 0 ? (64 + g.out_width - 1) / g.out_width : 1;
  if (rows < least) rows = least;
  if (rows > g.out_height) rows = g.out_height;
  return rows < 1 ? 1 : rows;
}

// A convolution whose dilation equals its stride s > 1 reads only every s-th row and column of its
// input, all of one phase: it is a convolution of stride 1 and dilation 1 on that part of the map.
// Returns the geometry on the part; `phase_h`, `phase_w` are the first row and column taken.
OFER_INLINE bool reads_one_phase(const ConvGeometry& g) {
  return g.stride_h > 1 && g.stride_h == g.dilation_h && g.stride_w > 1 &&
         g.stride_w == g.dilation_w;
}

OFER_INLINE ConvGeometry phase_geometry(const ConvGeometry& g, Index& phase_h, Index& phase_w) {
  ConvGeometry part = g;
  // -p_h = -s ceil(p_h / s) + phase
  part.pad_h = (g.pad_h + g.stride_h - 1) / g.stride_h;
  part.pad_w = (g.pad_w + g.stride_w - 1) / g.stride_w;
  phase_h = part.pad_h * g.stride_h - g.pad_h;
  phase_w = part.pad_w * g.stride_w - g.pad_w;
  part.in_height =
      g.in_height > phase_h ? (g.in_height - phase_h + g.stride_h - 1) / g.stride_h : 0;
  part.in_width = g.in_width > phase_w ? (g.in_width - phase_w + g.stride_w - 1) / g.stride_w : 0;
  part.stride_h = part.stride_w = part.dilation_h = part.dilation_w = 1;
  return part;
}

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
