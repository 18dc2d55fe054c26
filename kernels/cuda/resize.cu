// Separable resampling on a GPU, one launch for each axis. The weights of an axis are small and
// come from the cache; every element of the maps is read and written once per pass.
#include "kernels/cuda/divisor.cuh"
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/pointwise.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

// Rows that share a thread's weights in a horizontal pass, and are in flight together.
constexpr int kTogether = 4;

// --- forward ---

// y[r, i] = sum over t < count[i] of weight[i, t] x[r, first[i] + t]; x [rows, in], y [rows, out].
// Thread: four rows at one i, neighbouring threads along i. Where rows run out, the last one is
// read again.
template <class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    resize_rows_kernel(Global<const T> x, Global<T> y, Global<const std::int32_t> first,
                       Global<const std::int32_t> count, Global<const T> weight, Index taps,
                       Index rows, Index in, Index items, Divisor out) {
  for (Index item = pointwise_thread(); item < items; item += pointwise_stride()) {
    const Index group = out.quotient(item), i = item - group * out.value;
    Index from[kTogether];
    for (int r = 0; r < kTogether; ++r)
      from[r] = min(group * kTogether + r, rows - 1) * in + first[i];
    float sum[kTogether] = {};
    const int mine = count[i];
    for (int t = 0; t < mine; ++t) {
      const float w = static_cast<float>(weight[i * taps + t]);
      for (int r = 0; r < kTogether; ++r) sum[r] += w * static_cast<float>(x[from[r] + t]);
    }
    for (int r = 0; r < kTogether; ++r)
      if (const Index row = group * kTogether + r; row < rows) y[row * out.value + i] = T(sum[r]);
  }
}

// y[plane, p, q] = sum over t < count[p] of weight[p, t] x[plane, first[p] + t, q]; x [planes,
// in_h, width], y [planes, out_h, width]. Thread: N neighbouring columns q of one p, so the weights
// are the same for a whole row of threads.
template <int N, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    resize_columns_kernel(Global<const T> x, Global<T> y, Global<const std::int32_t> first,
                          Global<const std::int32_t> count, Global<const T> weight, Index taps,
                          Index in_height, Index width, Index items, Divisor vectors,
                          Divisor out_height) {
  for (Index item = pointwise_thread(); item < items; item += pointwise_stride()) {
    const Index row = vectors.quotient(item), plane = out_height.quotient(row);
    const Index p = row - plane * out_height.value, q = (item - row * vectors.value) * N;
    const Index from = (plane * in_height + first[p]) * width + q;
    float sum[N] = {};
    const int mine = count[p];
    for (int t = 0; t < mine; ++t) {
      const float w = static_cast<float>(weight[p * taps + t]);
      const Vector<T, N> line = load_vector<N>(x, from + t * width);
      for (int k = 0; k < N; ++k) sum[k] += w * static_cast<float>(line[k]);
    }
    Vector<T, N> out;
    for (int k = 0; k < N; ++k) out[k] = T(sum[k]);
    store_vector<N>(y, item * N, out);
  }
}

}  // namespace

template <class T>
void resize(const ResizeArgs<T>& args, Stream& stream) {
  constexpr int N = kVector<T>;
  if (args.planes * args.out_height * args.out_width == 0) return;
  const ResizeAxis<T>&across = args.horizontal, &down = args.vertical;
  const Index rows = args.planes * args.in_height;
  const Index items = blocks_of<Index>(rows, kTogether) * args.out_width;
  launch("resize", resize_rows_kernel<T>, pointwise_shape(items), stream, args.x, args.scratch,
         across.first, across.count, across.weight, across.taps, rows, args.in_width, items,
         Divisor(args.out_width));
  const bool wide =
      args.out_width % N == 0 && aligned_for<N>(args.scratch) && aligned_for<N>(args.y);
  const Index vectors = wide ? args.out_width / N : args.out_width;
  const Index outputs = args.planes * args.out_height * vectors;
  launch("resize", wide ? resize_columns_kernel<N, T> : resize_columns_kernel<1, T>,
         pointwise_shape(outputs), stream, args.scratch, args.y, down.first, down.count,
         down.weight, down.taps, args.in_height, args.out_width, outputs, Divisor(vectors),
         Divisor(args.out_height));
}

namespace {

// --- backward: a gather, for which each input must know the outputs that it went into ---

constexpr int kRangeThreads = 256;
constexpr int kRangeWarps = kRangeThreads / kWarpSize;

// range[2 j], range[2 j + 1]: the first output with input j among its taps, and one past the last;
// empty where there is none. All of them, for ordinary weights; in any case a sum over the range
// asks each output again. One warp for an input: first those of the horizontal axis, then those of
// the vertical one.
template <class = void>
__global__ void __launch_bounds__(kRangeThreads)
    resize_ranges_kernel(Global<const std::int32_t> across_first,
                         Global<const std::int32_t> across_count,
                         Global<const std::int32_t> down_first,
                         Global<const std::int32_t> down_count, Global<std::int32_t> range,
                         int in_width, int in_height, int out_width, int out_height) {
  const int lane = threadIdx.x % kWarpSize;
  const int input = blockIdx.x * kRangeWarps + threadIdx.x / kWarpSize;
  if (input >= in_width + in_height) return;
  const bool across = input < in_width;
  const Global<const std::int32_t> first = across ? across_first : down_first;
  const Global<const std::int32_t> count = across ? across_count : down_count;
  const int j = across ? input : input - in_width, outputs = across ? out_width : out_height;
  int begin = outputs, end = 0;
  for (int i = lane; i < outputs; i += kWarpSize) {
    const int t = j - first[i];
    if (t < 0 || t >= count[i]) continue;
    begin = min(begin, i);
    end = i + 1;
  }
  begin = -warp_max(-begin);
  end = warp_max(end);
  if (lane == 0) {
    range[2 * input] = begin;
    range[2 * input + 1] = end;
  }
}

// dx[plane, h, q] = sum over the outputs p that read line h of weight[p, h - first[p]] dy[plane, p,
// q]. Thread: N neighbouring columns of one h, which goes the same way as its neighbours.
template <int N, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    resize_columns_backward_kernel(Global<const T> dy, Global<T> dx,
                                   Global<const std::int32_t> range,
                                   Global<const std::int32_t> first,
                                   Global<const std::int32_t> count, Global<const T> weight,
                                   Index taps, Index out_height, Index width, Index items,
                                   Divisor vectors, Divisor in_height) {
  for (Index item = pointwise_thread(); item < items; item += pointwise_stride()) {
    const Index row = vectors.quotient(item), plane = in_height.quotient(row);
    const int h = static_cast<int>(row - plane * in_height.value);
    const Index q = (item - row * vectors.value) * N;
    float sum[N] = {};
    const int end = range[2 * h + 1];
    for (int p = range[2 * h]; p < end; ++p) {
      const int t = h - first[p];
      if (t < 0 || t >= count[p]) continue;
      const float w = static_cast<float>(weight[p * taps + t]);
      const Vector<T, N> line = load_vector<N>(dy, (plane * out_height + p) * width + q);
      for (int k = 0; k < N; ++k) sum[k] += w * static_cast<float>(line[k]);
    }
    Vector<T, N> out;
    for (int k = 0; k < N; ++k) out[k] = T(sum[k]);
    store_vector<N>(dx, item * N, out);
  }
}

// dx[r, j] = sum over the outputs i that read column j of weight[i, j - first[i]] dy[r, i]. Thread:
// four rows at one j.
template <class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    resize_rows_backward_kernel(Global<const T> dy, Global<T> dx, Global<const std::int32_t> range,
                                Global<const std::int32_t> first, Global<const std::int32_t> count,
                                Global<const T> weight, Index taps, Index rows, Index out,
                                Index items, Divisor in) {
  for (Index item = pointwise_thread(); item < items; item += pointwise_stride()) {
    const Index group = in.quotient(item);
    const int j = static_cast<int>(item - group * in.value);
    Index from[kTogether];
    for (int r = 0; r < kTogether; ++r) from[r] = min(group * kTogether + r, rows - 1) * out;
    float sum[kTogether] = {};
    const int end = range[2 * j + 1];
    for (int i = range[2 * j]; i < end; ++i) {
      const int t = j - first[i];
      if (t < 0 || t >= count[i]) continue;
      const float w = static_cast<float>(weight[i * taps + t]);
      for (int r = 0; r < kTogether; ++r) sum[r] += w * static_cast<float>(dy[from[r] + i]);
    }
    for (int r = 0; r < kTogether; ++r)
      if (const Index row = group * kTogether + r; row < rows) dx[row * in.value + j] = T(sum[r]);
  }
}

}  // namespace

template <class T>
void resize_backward(const ResizeBackwardArgs<T>& args, Stream& stream) {
  constexpr int N = kVector<T>;
  const Index rows = args.planes * args.in_height;
  if (rows * args.in_width == 0) return;
  const ResizeAxis<T>&across = args.horizontal, &down = args.vertical;
  const Index inputs = args.in_width + args.in_height;
  std::int32_t* range = gpu_stream(stream).template scratch<std::int32_t>(0, 2 * inputs);
  launch("resize_backward", resize_ranges_kernel<>,
         {grid_of(blocks_of<Index>(inputs, kRangeWarps)), kRangeThreads}, stream, across.first,
         across.count, down.first, down.count, range, args.in_width, args.in_height, args.out_width,
         args.out_height);
  const bool wide =
      args.out_width % N == 0 && aligned_for<N>(args.dy) && aligned_for<N>(args.scratch);
  const Index vectors = wide ? args.out_width / N : args.out_width;
  launch("resize_backward",
         wide ? resize_columns_backward_kernel<N, T> : resize_columns_backward_kernel<1, T>,
         pointwise_shape(rows * vectors), stream, args.dy, args.scratch, range + 2 * args.in_width,
         down.first, down.count, down.weight, down.taps, args.out_height, args.out_width,
         rows * vectors, Divisor(vectors), Divisor(args.in_height));
  const Index items = blocks_of<Index>(rows, kTogether) * args.in_width;
  launch("resize_backward", resize_rows_backward_kernel<T>, pointwise_shape(items), stream,
         args.scratch, args.dx, range, across.first, across.count, across.weight, across.taps, rows,
         args.out_width, items, Divisor(args.in_width));
}

OFER_INSTANTIATE_GPU(resize, ResizeArgs)
OFER_INSTANTIATE_GPU_BF16(resize, ResizeArgs)
OFER_INSTANTIATE_GPU(resize_backward, ResizeBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(resize_backward, ResizeBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
