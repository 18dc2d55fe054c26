// Average and maximum pooling on a GPU, one thread for each element of the result. Windows overlap,
// but what they share comes from the first-level cache: memory sees every element of x once.
#include "kernels/cuda/divisor.cuh"
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/pointwise.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

// Thread t: output (plane, p, q) in raster order, so that a warp reads and writes neighbouring
// columns. y = the window's sum (in raster order) / (kernel_h kernel_w), or its largest element,
// NaN above all numbers and of equals the first. kSide: the side of a square window, known to the
// compiler, and a place in the padding reads the map's nearest element, which is not used: no
// branch parts the window's loads. 0: any window.
template <bool kMaximum, int kSide, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    pool2d_kernel(Global<const T> x, Global<T> y, Global<std::int32_t> argmax, PoolGeometry g,
                  Divisor width, Divisor height) {
  const Index outputs = g.planes * g.out_height * g.out_width;
  const int kernel_h = kSide ? kSide : static_cast<int>(g.kernel_h);
  const int kernel_w = kSide ? kSide : static_cast<int>(g.kernel_w);
  const int in_height = static_cast<int>(g.in_height), in_width = static_cast<int>(g.in_width);
  for (Index o = pointwise_thread(); o < outputs; o += pointwise_stride()) {
    const Index row = width.quotient(o), plane = height.quotient(row);
    const int top = static_cast<int>((row - plane * g.out_height) * g.stride_h - g.pad_h);
    const int left = static_cast<int>((o - row * g.out_width) * g.stride_w - g.pad_w);
    const Global<const T> map = x + plane * g.in_height * g.in_width;
    float sum = 0, best = -INFINITY;
    int place = -1;
#pragma unroll
    for (int i = 0; i < kernel_h; ++i) {
#pragma unroll
      for (int j = 0; j < kernel_w; ++j) {
        const int h = top + i, w = left + j;
        const bool inside = h >= 0 && h < in_height && w >= 0 && w < in_width;
        if (kSide == 0 && !inside) continue;
        const int at = min(max(h, 0), in_height - 1) * in_width + min(max(w, 0), in_width - 1);
        const float v = static_cast<float>(map[at]);
        if constexpr (kMaximum) {
          if (inside && (place < 0 || v > best || (v != v && best == best))) {
            best = v;
            place = at;
          }
        } else {
          sum += inside ? v : 0.0f;
        }
      }
    }
    if constexpr (kMaximum) {
      y[o] = T(best);
      if (argmax) argmax[o] = place;
    } else {
      y[o] = T(sum / static_cast<float>(kernel_h * kernel_w));
    }
  }
}

template <bool kMaximum, class T>
void pool2d_by_side(const Pool2dArgs<T>& args, Stream& stream) {
  const PoolGeometry& g = args.geometry;
  auto* kernel = pool2d_kernel<kMaximum, 0, T>;
  if (g.kernel_h == g.kernel_w && g.in_height * g.in_width > 0) {
    if (g.kernel_h == 2) kernel = pool2d_kernel<kMaximum, 2, T>;
    if (g.kernel_h == 3) kernel = pool2d_kernel<kMaximum, 3, T>;
    if (g.kernel_h == 4) kernel = pool2d_kernel<kMaximum, 4, T>;
  }
  launch("pool2d", kernel, pointwise_shape(g.planes * g.out_height * g.out_width), stream, args.x,
         args.y, args.argmax, g, Divisor(g.out_width), Divisor(g.out_height));
}

}  // namespace

template <class T>
void pool2d(const Pool2dArgs<T>& args, Stream& stream) {
  if (args.maximum)
    pool2d_by_side<true>(args, stream);
  else
    pool2d_by_side<false>(args, stream);
}

namespace {

// First output whose window reaches `at`, an input's place in the padded map: the least p with
// p stride + kernel > at. All p from there on with p stride <= at have it too.
__device__ __forceinline__ int first_window(int at, int kernel, int stride) {
  return at < kernel ? 0 : (at - kernel) / stride + 1;
}

// Thread t: input (plane, h, w) in raster order. dx = the sum of dy, in raster order, over the
// windows that the input lies in (average: divided by the window's size), or over those of them
// whose largest element it was: a gather, where a scatter would have windows meet.
template <bool kMaximum, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    pool2d_backward_kernel(Global<const T> dy, Global<const std::int32_t> argmax, Global<T> dx,
                           PoolGeometry g, Divisor width, Divisor height) {
  const Index inputs = g.planes * g.in_height * g.in_width;
  const int kernel_h = static_cast<int>(g.kernel_h), kernel_w = static_cast<int>(g.kernel_w);
  const int stride_h = static_cast<int>(g.stride_h), stride_w = static_cast<int>(g.stride_w);
  for (Index input = pointwise_thread(); input < inputs; input += pointwise_stride()) {
    const Index row = width.quotient(input), plane = height.quotient(row);
    const int h = static_cast<int>(row - plane * g.in_height);
    const int w = static_cast<int>(input - row * g.in_width);
    const int padded_h = h + static_cast<int>(g.pad_h), padded_w = w + static_cast<int>(g.pad_w);
    const int p_end = min(padded_h / stride_h + 1, static_cast<int>(g.out_height));
    const int q_begin = first_window(padded_w, kernel_w, stride_w);
    const int q_end = min(padded_w / stride_w + 1, static_cast<int>(g.out_width));
    const Index map = plane * g.out_height * g.out_width;
    const int place = h * static_cast<int>(g.in_width) + w;
    float sum = 0;
    for (int p = first_window(padded_h, kernel_h, stride_h); p < p_end; ++p)
      for (int q = q_begin; q < q_end; ++q) {
        const Index o = map + p * static_cast<int>(g.out_width) + q;
        if constexpr (kMaximum) {
          if (argmax[o] == place) sum += static_cast<float>(dy[o]);
        } else {
          sum += static_cast<float>(dy[o]);
        }
      }
    dx[input] = T(kMaximum ? sum : sum / static_cast<float>(kernel_h * kernel_w));
  }
}

}  // namespace

template <class T>
void pool2d_backward(const Pool2dBackwardArgs<T>& args, Stream& stream) {
  const PoolGeometry& g = args.geometry;
  launch("pool2d_backward",
         args.maximum ? pool2d_backward_kernel<true, T> : pool2d_backward_kernel<false, T>,
         pointwise_shape(g.planes * g.in_height * g.in_width), stream, args.dy, args.argmax,
         args.dx, g, Divisor(g.in_width), Divisor(g.in_height));
}

OFER_INSTANTIATE_GPU(pool2d, Pool2dArgs)
OFER_INSTANTIATE_GPU_BF16(pool2d, Pool2dArgs)
OFER_INSTANTIATE_GPU(pool2d_backward, Pool2dBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(pool2d_backward, Pool2dBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
