// Strided copies on the CPU: slices and concatenations are runs of memory, permutations go tile by
// tile so that both sides use whole cache lines.
#include "kernels/cpu/axes.h"
#include "kernels/cpu/operations.h"
#include "kernels/cpu/threads.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

Index magnitude(Index stride) {
  return stride < 0 ? -stride : stride;
}

// The axes with y's largest stride first, x in `a` and y in `b`: the order of the copies is free.
template <class T>
Axes sorted_axes(const CopyArgs<T>& args) {
  Axes axes;
  for (int i = 0; i < args.rank; ++i) {
    int at = axes.rank++;
    for (; at > 0 && magnitude(axes.b[at - 1]) < magnitude(args.y_strides[i]); --at) {
      axes.shape[at] = axes.shape[at - 1];
      axes.a[at] = axes.a[at - 1];
      axes.b[at] = axes.b[at - 1];
    }
    axes.shape[at] = args.shape[i];
    axes.a[at] = args.x_strides[i];
    axes.b[at] = args.y_strides[i];
  }
  return joined(axes);
}

template <bool kAdd, class T>
OFER_INLINE void put(T& y, T x) {
  y = kAdd ? y + x : x;
}

template <bool kAdd, class T>
void copy_run(const T* x, Index x_stride, T* y, Index y_stride, Index count) {
  if (y_stride == 1 && x_stride == 1) {
    if constexpr (kAdd) {
      for (Index i = 0; i < count; ++i) y[i] += x[i];
    } else {
      __builtin_memcpy(y, x, static_cast<std::size_t>(count) * sizeof(T));
    }
  } else if (y_stride == 1 && x_stride == -1) {
    for (Index i = 0; i < count; ++i) put<kAdd>(y[i], x[-i]);
  } else if (y_stride == 1 && x_stride == 0) {
    const T value = *x;
    for (Index i = 0; i < count; ++i) put<kAdd>(y[i], value);
  } else {
    for (Index i = 0; i < count; ++i) put<kAdd>(y[i * y_stride], x[i * x_stride]);
  }
}

// Rows of at most a grain each, so that one long row is shared out too.
template <bool kAdd, class T>
void copy_rows(const T* x, T* y, const Axes& axes, CpuStream& cpu) {
  const Index inner = axes.inner(), x_stride = axes.a[axes.rank - 1],
              y_stride = axes.b[axes.rank - 1];
  if (axes.rank == 1) {
    cpu.parallel_for(inner, kPointwiseGrain, [&](Index begin, Index end, int) {
      copy_run<kAdd>(x + begin * x_stride, x_stride, y + begin * y_stride, y_stride, end - begin);
    });
    return;
  }
  cpu.parallel_for(axes.rows(), row_grain(inner), [&](Index first, Index last, int) {
    RowWalk walk(axes, first);
    for (Index row = first; row < last; ++row, walk.next())
      copy_run<kAdd>(x + walk.a, x_stride, y + walk.b, y_stride, inner);
  });
}

// A permutation: y runs along the last axis, x along the one before it. One item is a band of kBand
// steps of x by the whole last axis, in tiles of kBand x kTile. A tile passes through a buffer:
// what is read together and what is written together lies together, also where strides a power of
// two apart make the lines of a tile share a few cache sets.
constexpr Index kBand = 64;
constexpr Index kTile = 16;

template <bool kAdd, class T>
void copy_tiles(const T* x, T* y, const Axes& axes, CpuStream& cpu) {
  const int last = axes.rank - 1;
  const Index along_y = axes.shape[last], along_x = axes.shape[last - 1];
  const Index bands = blocks_of(along_x, kBand);
  Axes outer = axes;  // its rows are the planes
  outer.rank = last;
  outer.shape[last - 1] = bands;
  outer.a[last - 1] = axes.a[last - 1] * kBand;
  outer.b[last - 1] = axes.b[last - 1] * kBand;
  const Index planes = outer.rows();
  cpu.parallel_for(planes * bands, row_grain(kBand * along_y), [&](Index first, Index end, int) {
    for (Index item = first; item < end; ++item) {
      const RowWalk walk(outer, item / bands);
      const Index band = item % bands;
      const T* from = x + walk.a + band * outer.a[last - 1];
      T* to = y + walk.b + band * outer.b[last - 1];
      const Index x_stride[2] = {axes.a[last - 1], axes.a[last]};
      const Index y_stride[2] = {axes.b[last - 1], axes.b[last]};
      const Index height = smaller(kBand, along_x - band * kBand);
      for (Index j0 = 0; j0 < along_y; j0 += kTile) {
        const Index width = smaller(kTile, along_y - j0);
        T tile[kBand][kTile];
        for (Index j = 0; j < width; ++j)
          for (Index i = 0; i < height; ++i)
            tile[i][j] = from[i * x_stride[0] + (j0 + j) * x_stride[1]];
        for (Index i = 0; i < height; ++i)
          for (Index j = 0; j < width; ++j)
            put<kAdd>(to[i * y_stride[0] + (j0 + j) * y_stride[1]], tile[i][j]);
      }
    }
  });
}

template <bool kAdd, class T>
void copy_axes(const T* x, T* y, Axes axes, CpuStream& cpu) {
  const int last = axes.rank - 1;
  int fast = -1;  // the axis along which x is contiguous, when it is not the last
  if (magnitude(axes.a[last]) > 1)
    for (int i = 0; i < last; ++i)
      if (magnitude(axes.a[i]) == 1) fast = i;
  if (fast < 0 || axes.shape[last] < 4 || axes.shape[fast] < 4) {
    copy_rows<kAdd>(x, y, axes, cpu);
    return;
  }
  const Index shape = axes.shape[fast], a = axes.a[fast], b = axes.b[fast];
  for (int i = fast; i + 1 < last; ++i) {
    axes.shape[i] = axes.shape[i + 1];
    axes.a[i] = axes.a[i + 1];
    axes.b[i] = axes.b[i + 1];
  }
  axes.shape[last - 1] = shape;
  axes.a[last - 1] = a;
  axes.b[last - 1] = b;
  copy_tiles<kAdd>(x, y, axes, cpu);
}

}  // namespace

template <class T>
void copy(const CopyArgs<T>& args, Stream& stream) {
  for (int i = 0; i < args.rank; ++i)
    if (args.shape[i] == 0) return;
  const Axes axes = sorted_axes(args);
  if (args.accumulate)
    copy_axes<true>(args.x, args.y, axes, cpu_stream(stream));
  else
    copy_axes<false>(args.x, args.y, axes, cpu_stream(stream));
}

OFER_INSTANTIATE(copy, CopyArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
