// Average and maximum pooling on the CPU. Forward, an item is one output row; the window's taps are
// the outer loops, the columns the inner one.
#include "kernels/cpu/extremes.h"
#include "kernels/cpu/operations.h"
#include "kernels/cpu/threads.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

struct Range {
  Index begin, end;
};

// Outputs q in [0, outputs) for which q stride + offset lies in [0, inputs).
Range inside(Index offset, Index stride, Index inputs, Index outputs) {
  const Index begin = offset >= 0 ? 0 : blocks_of(-offset, stride);
  const Index end = offset >= inputs ? 0 : blocks_of(inputs - offset, stride);
  return {begin, smaller(end, outputs)};
}

template <class T>
void average_row(const PoolGeometry& g, const T* plane, Index p, T* y) {
  for (Index q = 0; q < g.out_width; ++q) y[q] = T(0);
  for (Index i = 0; i < g.kernel_h; ++i) {
    const Index h = p * g.stride_h - g.pad_h + i;
    if (h < 0 || h >= g.in_height) continue;
    for (Index j = 0; j < g.kernel_w; ++j) {
      const Range columns = inside(j - g.pad_w, g.stride_w, g.in_width, g.out_width);
      const T* x = plane + h * g.in_width + j - g.pad_w;
      if (g.stride_w == 1) {
        for (Index q = columns.begin; q < columns.end; ++q) y[q] += x[q];
      } else {
        for (Index q = columns.begin; q < columns.end; ++q) y[q] += x[q * g.stride_w];
      }
    }
  }
  const T area = static_cast<T>(g.kernel_h * g.kernel_w);
  for (Index q = 0; q < g.out_width; ++q) y[q] /= area;
}

// A window's elements come in the order of their flat positions, so the first largest stays.
template <class T>
void maximum_row(const PoolGeometry& g, const T* plane, Index p, T* y, std::int32_t* argmax) {
  for (Index q = 0; q < g.out_width; ++q) {
    y[q] = -static_cast<T>(__builtin_inff());
    argmax[q] = -1;
  }
  for (Index i = 0; i < g.kernel_h; ++i) {
    const Index h = p * g.stride_h - g.pad_h + i;
    if (h < 0 || h >= g.in_height) continue;
    for (Index j = 0; j < g.kernel_w; ++j) {
      const Range columns = inside(j - g.pad_w, g.stride_w, g.in_width, g.out_width);
      const Index start = h * g.in_width + j - g.pad_w;
      const T* x = plane + start;
      for (Index q = columns.begin; q < columns.end; ++q) {
        const T v = x[q * g.stride_w];
        const bool take = Maximum<T>::replaces(v, y[q]) | (argmax[q] < 0);
        y[q] = take ? v : y[q];
        argmax[q] = take ? static_cast<std::int32_t>(start + q * g.stride_w) : argmax[q];
      }
    }
  }
}

}  // namespace

template <class T>
void pool2d(const Pool2dArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const PoolGeometry& g = args.geometry;
  const Index work = g.out_width * g.kernel_h * g.kernel_w;
  cpu.parallel_for(
      g.planes * g.out_height, row_grain(work), [&](Index first, Index last, int worker) {
        for (Index row = first; row < last; ++row) {
          const T* plane = args.x + row / g.out_height * g.in_height * g.in_width;
          T* y = args.y + row * g.out_width;
          if (args.maximum) {
            std::int32_t* argmax = args.argmax ? args.argmax + row * g.out_width
                                               : cpu.scratch<std::int32_t>(worker, 0, g.out_width);
            maximum_row(g, plane, row % g.out_height, y, argmax);
          } else {
            average_row(g, plane, row % g.out_height, y);
          }
        }
      });
}

namespace {

template <class T>
void average_plane_backward(const PoolGeometry& g, const T* dy, T* dx) {
  const T share = T(1) / static_cast<T>(g.kernel_h * g.kernel_w);
  for (Index p = 0; p < g.out_height; ++p)
    for (Index i = 0; i < g.kernel_h; ++i) {
      const Index h = p * g.stride_h - g.pad_h + i;
      if (h < 0 || h >= g.in_height) continue;
      for (Index j = 0; j < g.kernel_w; ++j) {
        const Range columns = inside(j - g.pad_w, g.stride_w, g.in_width, g.out_width);
        T* row = dx + h * g.in_width + j - g.pad_w;
        for (Index q = columns.begin; q < columns.end; ++q)
          row[q * g.stride_w] += dy[p * g.out_width + q] * share;
      }
    }
}

}  // namespace

// Windows overlap, so one range spreads whole planes.
template <class T>
void pool2d_backward(const Pool2dBackwardArgs<T>& args, Stream& stream) {
  const PoolGeometry& g = args.geometry;
  const Index in = g.in_height * g.in_width, out = g.out_height * g.out_width;
  const Index work = larger(in, out * (args.maximum ? 1 : g.kernel_h * g.kernel_w));
  cpu_stream(stream).parallel_for(g.planes, row_grain(work), [&](Index first, Index last, int) {
    for (Index plane = first; plane < last; ++plane) {
      const T* dy = args.dy + plane * out;
      T* dx = args.dx + plane * in;
      for (Index i = 0; i < in; ++i) dx[i] = T(0);
      if (args.maximum) {
        const std::int32_t* argmax = args.argmax + plane * out;
        for (Index i = 0; i < out; ++i)
          if (argmax[i] >= 0) dx[argmax[i]] += dy[i];
      } else {
        average_plane_backward(g, dy, dx);
      }
    }
  });
}

OFER_INSTANTIATE(pool2d, Pool2dArgs)
OFER_INSTANTIATE(pool2d_backward, Pool2dBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
