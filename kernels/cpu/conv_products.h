// The three products that convolution and transposed convolution share, forward and backward:
//   convolve           y = W * x            conv2d forward, conv_transpose2d's input gradient
//   convolve_adjoint   x = W^T * y          conv2d's input gradient, conv_transpose2d forward
//   convolve_weights   dW = y x^T           both weight gradients
// The first two by Winograd's tiles (winograd.h) where that pays: of floats that may not be
// rounded. In all of them the geometry is the convolution's: x is its input, y its output, W [O, C,
// kh, kw]. Work items belong to one image, so an image's bits do not depend on the batch or the
// threads.
#pragma once

#include <type_traits>

#include "kernels/cpu/activation.h"
#include "kernels/cpu/lowering.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/small_products.h"
#include "kernels/cpu/sums.h"
#include "kernels/cpu/winograd.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

// Columns of one tile: about the size of a second-level cache.
constexpr Index kTileBytes = 1 << 20;

// The input with its activation applied and, for a convolution of one phase, reduced to that part;
// or x itself where there is nothing to do. Result in shared scratch slot 0.
template <class T>
const T* prepare_input(const T* input, Activation in_activation, T slope, ConvGeometry& g,
                       CpuStream& cpu) {
  const ConvGeometry whole = g;
  const bool part = reads_one_phase(whole);
  if (!part && in_activation == Activation::kNone) return input;
  Index phase_h = 0, phase_w = 0;
  if (part) g = phase_geometry(whole, phase_h, phase_w);
  const Index planes = g.batch * g.in_channels, size = g.in_height * g.in_width;
  T* result = cpu.shared_scratch<T>(0, planes * size);
  cpu.parallel_for(planes, 1, [&](Index begin, Index end, int) {
    for (Index plane = begin; plane < end; ++plane) {
      const T* x = input + plane * whole.in_height * whole.in_width;
      T* y = result + plane * size;
      if (part) {
        for (Index h = 0; h < g.in_height; ++h) {
          const T* row = x + (h * whole.stride_h + phase_h) * whole.in_width + phase_w;
          T* out = y + h * g.in_width;
          if (whole.stride_w == 2) {
            for (Index w = 0; w < g.in_width; ++w) out[w] = row[2 * w];
          } else {
            for (Index w = 0; w < g.in_width; ++w) out[w] = row[w * whole.stride_w];
          }
        }
      } else {
        for (Index i = 0; i < size; ++i) y[i] = x[i];
      }
      if (in_activation != Activation::kNone) activate(y, size, in_activation, slope);
    }
  });
  return result;
}

// The same where a product rounds its operands: the weights are rounded for every tile, so a tile
// should have some 192 columns, if they are not many times the cache.
template <class T>
OFER_INLINE Index tile_rows_for_rounding(const ConvGeometry& g, Index depth) {
  const Index rows = tile_rows<T>(g, depth, kTileBytes);
  const Index wanted = g.out_width > 0 ? (192 + g.out_width - 1) / g.out_width : 1;
  return larger(rows, smaller(wanted, tile_rows<T>(g, depth, 4 * kTileBytes)));
}

OFER_INLINE bool is_pointwise(const ConvGeometry& g) {
  return g.kernel_h == 1 && g.kernel_w == 1 && g.stride_h == 1 && g.stride_w == 1 && g.pad_h == 0 &&
         g.pad_w == 0;
}

template <class T>
void add_bias(const T* bias, Index rows, Index columns, T* y, Index ld) {
  for (Index o = 0; o < rows; ++o) {
    T* row = y + o * ld;
    for (Index q = 0; q < columns; ++q) row[q] += bias[o];
  }
}

// Columns rounded up to what small_products.h takes at a time.
OFER_INLINE Index padded_columns(Index columns) {
  return (columns + small::kGroup - 1) / small::kGroup * small::kGroup;
}

// The same for a map of few positions: the columns of an image are made once, one position behind
// the other, and the output channels shared out.
template <class T>
void convolve_small(const ConvGeometry& g, const T* x, const T* weight, const T* bias, T* y,
                    CpuStream& cpu) {
  constexpr Index kChannels = 16;  // output channels of one item
  const Index depth = g.in_channels * g.kernel_h * g.kernel_w;
  const Index out_plane = g.out_height * g.out_width;
  const Index image = g.in_channels * g.in_height * g.in_width;
  const Index padded = padded_columns(out_plane);
  T* columns = cpu.shared_scratch<T>(1, g.batch * padded * depth);
  cpu.parallel_for(g.batch, 1, [&](Index first, Index last, int worker) {
    T* rows = cpu.scratch<T>(worker, 0, depth * out_plane);
    for (Index n = first; n < last; ++n) {
      image_to_columns(g, x + n * image, 0, g.in_channels, 0, g.out_height, rows, out_plane);
      T* to = columns + n * padded * depth;
      for (Index p = 0; p < padded; ++p)
        for (Index k = 0; k < depth; ++k)
          to[p * depth + k] = p < out_plane ? rows[k * out_plane + p] : T(0);
    }
  });
  const Index shares = (g.out_channels + kChannels - 1) / kChannels;
  // Images inside, so that a share of the weights is read once for the whole batch.
  cpu.parallel_for(shares, 1, [&](Index first, Index last, int) {
    for (Index share = first; share < last; ++share) {
      const Index o0 = share * kChannels;
      const Index o1 = o0 + kChannels < g.out_channels ? o0 + kChannels : g.out_channels;
      for (Index n = 0; n < g.batch; ++n)
        product_of_rows(weight + o0 * depth, columns + n * padded * depth, bias ? bias + o0 : bias,
                        o1 - o0, out_plane, depth, y + (n * g.out_channels + o0) * out_plane,
                        out_plane);
    }
  });
}

// Computes a convolution, or a transposed one, by Winograd's tiles. False, and nothing done, where
// that does not pay or a result of this precision shall not be computed so.
template <class T>
bool correlated(const ConvGeometry& g, bool transposed, const T* x, const T* weight, const T* bias,
                T* y, CpuStream& cpu) {
  if constexpr (std::is_same_v<T, float>) {
    Correlations correlations;
    if (cpu.bf16() || !as_correlations(g, transposed, correlations)) return false;
    correlate(correlations, x, weight, bias, y, cpu);
    return true;
  } else {
    return false;
  }
}

// y = W * act(x) + bias; bias may be null.
template <class T>
void convolve(ConvGeometry g, const T* input, Activation in_activation, T slope, const T* weight,
              const T* bias, T* y, CpuStream& cpu) {
  const T* x = prepare_input(input, in_activation, slope, g, cpu);
  if (correlated(g, false, x, weight, bias, y, cpu)) return;
  const Index depth = g.in_channels * g.kernel_h * g.kernel_w;
  const Index out_plane = g.out_height * g.out_width;
  const Index image = g.in_channels * g.in_height * g.in_width;
  if (out_plane <= kSmallColumns) {
    convolve_small(g, x, weight, bias, y, cpu);
    return;
  }
  const bool pointwise = is_pointwise(g);
  const Index rows =
      cpu.bf16() ? tile_rows_for_rounding<T>(g, depth) : tile_rows<T>(g, depth, kTileBytes);
  const Index tiles = out_plane > 0 ? (g.out_height + rows - 1) / rows : 0;
  // With few tiles in an image its output channels are shared out as well. The products are the
  // same whoever makes them: a batch with enough images gives each worker whole tiles, whose
  // columns are then made once; otherwise the columns of every tile are made first, together.
  const Index shares = tiles >= 8 ? 1 : (tiles >= 4 ? 2 : 4);
  const Index share = (g.out_channels + shares - 1) / shares;
  const Index tile_columns = rows * g.out_width;
  const bool whole_tiles = shares == 1 || g.batch * tiles >= 4 * cpu.threads();
  const Index together = whole_tiles ? shares : 1;  // shares of one item
  T* lowered = nullptr;  // [batch, tiles, depth, columns of the tile], where made first
  if (!whole_tiles && !pointwise) {
    const Index taps = g.kernel_h * g.kernel_w;
    lowered = cpu.shared_scratch<T>(1, g.batch * tiles * depth * tile_columns);
    cpu.parallel_for(g.batch * tiles * g.in_channels, 1, [&](Index first, Index last, int) {
      for (Index item = first; item < last; ++item) {
        const Index c = item % g.in_channels, place = item / g.in_channels;
        const Index p0 = place % tiles * rows, n = place / tiles;
        const Index p1 = smaller(p0 + rows, g.out_height), width = (p1 - p0) * g.out_width;
        image_to_columns(g, x + n * image, c, c + 1, p0, p1,
                         lowered + place * depth * tile_columns + c * taps * width, width);
      }
    });
  }

  cpu.parallel_for(
      g.batch * tiles * shares / together, 1, [&](Index first, Index last, int worker) {
        for (Index item = first; item < last; ++item) {
          const Index first_share = item * together % shares, place = item * together / shares;
          const Index p0 = place % tiles * rows, n = place / tiles;
          const Index p1 = smaller(p0 + rows, g.out_height);
          Matmul<T> product;
          product.n = (p1 - p0) * g.out_width;
          product.k = depth;
          product.lda = depth;
          if (pointwise) {
            product.b = x + n * image + p0 * g.out_width;
            product.ldb = out_plane;
          } else if (lowered) {
            product.b = lowered + place * depth * tile_columns;
            product.ldb = product.n;
          } else {
            T* columns = cpu.scratch<T>(worker, 0, depth * tile_columns);
            image_to_columns(g, x + n * image, 0, g.in_channels, p0, p1, columns, product.n);
            product.b = columns;
            product.ldb = product.n;
          }
          product.ldc = out_plane;
          product.bf16 = cpu.bf16();
          for (Index s = first_share; s < first_share + together; ++s) {
            const Index o0 = s * share, o1 = smaller(o0 + share, g.out_channels);
            if (o0 >= o1) continue;
            product.m = o1 - o0;
            product.a = weight + o0 * depth;
            product.c = y + (n * g.out_channels + o0) * out_plane + p0 * g.out_width;
            matmul(product);
            if (bias) add_bias(bias + o0, product.m, product.n, product.c, product.ldc);
          }
        }
      });
}

// x = W^T * y + bias: the columns W^T y, added where they belong. One item owns some channels of
// one image and walks the tiles of y in order. bias [C] may be null.
template <class T>
void convolve_adjoint(const ConvGeometry& g, const T* y, const T* weight, const T* bias, T* x,
                      CpuStream& cpu) {
  if (correlated(mirrored(g), true, y, weight, bias, x, cpu)) return;
  const Index taps = g.kernel_h * g.kernel_w, depth = g.in_channels * taps;
  const Index out_plane = g.out_height * g.out_width, in_plane = g.in_height * g.in_width;
  const Index phase_width = (g.in_width + g.stride_w - 1) / g.stride_w;
  const Index split_plane = g.in_height * g.stride_w * phase_width;
  Index block = (128 + taps - 1) / taps;
  if (block > g.in_channels) block = g.in_channels;
  if (block < 1) return;
  const Index blocks = (g.in_channels + block - 1) / block;
  const Index rows = tile_rows<T>(g, block * taps, kTileBytes);
  const bool few = out_plane <= kSmallColumns;
  const Index padded = padded_columns(out_plane);
  const T* narrow = y;  // of a small map, with the columns padded
  if (few && padded != out_plane) {
    T* copy = cpu.shared_scratch<T>(1, g.batch * g.out_channels * padded);
    for (Index r = 0; r < g.batch * g.out_channels; ++r)
      for (Index p = 0; p < padded; ++p)
        copy[r * padded + p] = p < out_plane ? y[r * out_plane + p] : T(0);
    narrow = copy;
  }
  cpu.parallel_for(g.batch * blocks, 1, [&](Index first, Index last, int worker) {
    for (Index item = first; item < last; ++item) {
      // Images inside, so that a block of the weights is read once for the whole batch.
      const Index n = item % g.batch, c0 = item / g.batch * block;
      const Index channels = c0 + block < g.in_channels ? block : g.in_channels - c0;
      T* split = cpu.scratch<T>(worker, 1, block * split_plane);
      for (Index i = 0; i < channels * split_plane; ++i) split[i] = 0;
      for (Index p0 = 0; p0 < g.out_height; p0 += rows) {
        const Index p1 = p0 + rows < g.out_height ? p0 + rows : g.out_height;
        Matmul<T> product;
        product.transpose_a = true;
        product.m = channels * taps;
        product.n = (p1 - p0) * g.out_width;
        product.k = g.out_channels;
        product.a = weight + c0 * taps;
        product.lda = depth;
        product.b = y + n * g.out_channels * out_plane + p0 * g.out_width;
        product.ldb = out_plane;
        product.c = cpu.scratch<T>(worker, 0, block * taps * rows * g.out_width);
        product.ldc = product.n;
        if (few) {
          product_of_columns(product.a, depth, narrow + n * g.out_channels * padded, padded,
                             product.m, out_plane, g.out_channels, product.c);
        } else {
          product.bf16 = cpu.bf16();
          matmul(product);
        }
        for (Index c = 0; c < channels; ++c)
          columns_to_phases(g, product.c + c * taps * product.n, product.n, p0, p1,
                            split + c * split_plane, phase_width);
      }
      for (Index c = 0; c < channels; ++c)
        merge_phases(split + c * split_plane, g.in_height, g.in_width, g.stride_w, phase_width,
                     bias ? bias[c0 + c] : T(0), x + (n * g.in_channels + c0 + c) * in_plane);
    }
  });
}

// dW[:, c block] = sum over images and tiles of y columns(x)^T. One item owns some input channels
// and walks images and tiles in order.
template <class T>
void convolve_weights(const ConvGeometry& g, const T* y, const T* x, T* dweight, CpuStream& cpu) {
  const Index taps = g.kernel_h * g.kernel_w, depth = g.in_channels * taps;
  const Index out_plane = g.out_height * g.out_width;
  const Index image = g.in_channels * g.in_height * g.in_width;
  Index block = (192 + taps - 1) / taps;
  if (block > g.in_channels) block = g.in_channels;
  if (block < 1) return;
  const Index blocks = (g.in_channels + block - 1) / block;
  const Index rows = tile_rows<T>(g, block * taps, kTileBytes);
  cpu.parallel_for(blocks, 1, [&](Index first, Index last, int worker) {
    for (Index item = first; item < last; ++item) {
      const Index c0 = item * block;
      const Index channels = c0 + block < g.in_channels ? block : g.in_channels - c0;
      bool begun = false;
      for (Index n = 0; n < g.batch; ++n)
        for (Index p0 = 0; p0 < g.out_height; p0 += rows) {
          const Index p1 = p0 + rows < g.out_height ? p0 + rows : g.out_height;
          const Index columns = (p1 - p0) * g.out_width;
          T* lowered = cpu.scratch<T>(worker, 0, channels * taps * columns);
          image_to_columns(g, x + n * image, c0, c0 + channels, p0, p1, lowered, columns);
          Matmul<T> product;
          product.transpose_b = true;
          product.m = g.out_channels;
          product.n = channels * taps;
          product.k = columns;
          product.a = y + n * g.out_channels * out_plane + p0 * g.out_width;
          product.lda = out_plane;
          product.b = lowered;
          product.ldb = columns;
          product.c = dweight + c0 * taps;
          product.ldc = depth;
          product.beta = begun ? T(1) : T(0);
          product.bf16 = cpu.bf16();
          matmul(product);
          begun = true;
        }
      if (!begun)
        for (Index o = 0; o < g.out_channels; ++o)
          for (Index k = 0; k < channels * taps; ++k) dweight[o * depth + c0 * taps + k] = 0;
    }
  });
}

// dbias[o] = sum of dy over images and positions, in double.
template <class T>
void bias_gradient(const T* dy, Index batch, Index channels, Index plane, T* dbias,
                   CpuStream& cpu) {
  cpu.parallel_for(channels, 1, [&](Index begin, Index end, int) {
    for (Index o = begin; o < end; ++o) {
      double total = 0;
      for (Index n = 0; n < batch; ++n) {
        const T* row = dy + (n * channels + o) * plane;
        total += lane_sum<double>(plane, [=](Index i) { return static_cast<double>(row[i]); });
      }
      dbias[o] = static_cast<T>(total);
    }
  });
}

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
