// Rows picked by index, and their adjoint, on a GPU.
#include "kernels/cuda/divisor.cuh"
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/pointwise.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

// Thread t: N neighbouring columns of a row of y; neighbouring threads follow the row.
template <int N, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    gather_rows_kernel(Global<const T> x, Global<const std::int32_t> index, Global<const T> fill,
                       Global<T> y, Index items, Index width, Divisor vectors) {
  for (Index i = pointwise_thread(); i < items; i += pointwise_stride()) {
    const Index r = vectors.quotient(i);
    const Index c = (i - r * vectors.value) * N;
    const Index from = index[r];
    Vector<T, N> value;
    for (int k = 0; k < N; ++k) value[k] = T(0.0f);
    if (from >= 0)
      value = load_vector<N>(x, from * width + c);
    else if (fill)
      value = load_vector<N>(fill, c);
    store_vector<N>(y, i * N, value);
  }
}

}  // namespace

template <class T>
void gather_rows(const GatherRowsArgs<T>& args, Stream& stream) {
  constexpr int N = kVector<T>;
  if (args.width == 0) return;
  const bool vectors = args.width % N == 0 && aligned_for<N>(args.x) && aligned_for<N>(args.y) &&
                       aligned_for<N>(args.fill);
  const Index per_row = vectors ? args.width / N : args.width;
  const Index items = args.rows * per_row;
  launch("gather_rows", vectors ? gather_rows_kernel<N, T> : gather_rows_kernel<1, T>,
         pointwise_shape(items), stream, args.x, args.index, args.fill, args.y, items, args.width,
         Divisor(per_row));
}

namespace {

// --- the adjoint: a gather too, so that every sum has an order and no two threads meet ---

constexpr int kThreads = 128;  // of 4 columns each: the decoder's 512 in one block
constexpr int kWarps = kThreads / kWarpSize;
// Indices that a block looks through between two barriers: a bit each in a word for every lane.
constexpr int kWords = kWarpSize;
constexpr int kChunk = kWords * kWarpSize;

// dx[d, c] = sum of dy[r, c] over the r with index[r] = d, in the order of r.
// Block: row d and a strip of kThreads * N columns, thread t the columns N t .. of it. The warps
// share out a chunk of the index list and note in one bit per row whether it goes to d; then every
// thread walks the bits that are set, words without any being skipped by one vote.
template <int N, class T>
__global__ void __launch_bounds__(kThreads)
    gather_rows_dx_kernel(Global<const T> dy, Global<const std::int32_t> index, Global<T> dx,
                          Index rows, Index width, Index strips) {
  OFER_SHARED(std::uint32_t, found, kWords);
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  const Index d = blockIdx.x / strips;
  const Index c = (blockIdx.x % strips * kThreads + threadIdx.x) * N;
  const bool inside = c < width;
  float sum[N] = {};
  for (Index chunk = 0; chunk < rows; chunk += kChunk) {
    __syncthreads();
    for (int word = warp; word < kWords; word += kWarps) {
      const Index r = chunk + word * kWarpSize + lane;
      const std::uint32_t bits = __ballot_sync(kAllLanes, r < rows && index[r] == d);
      if (lane == 0) found[word] = bits;
    }
    __syncthreads();
    std::uint32_t words = __ballot_sync(kAllLanes, found[lane] != 0u);
    for (; words != 0; words &= words - 1) {
      const int word = __ffs(static_cast<int>(words)) - 1;
      std::uint32_t bits = found[word];
      for (; bits != 0; bits &= bits - 1) {
        const Index r = chunk + word * kWarpSize + __ffs(static_cast<int>(bits)) - 1;
        if (!inside) continue;
        const Vector<T, N> value = load_vector<N>(dy, r * width + c);
        for (int k = 0; k < N; ++k) sum[k] += static_cast<float>(value[k]);
      }
    }
  }
  if (!inside) return;
  Vector<T, N> out;
  for (int k = 0; k < N; ++k) out[k] = T(sum[k]);
  store_vector<N>(dx, d * width + c, out);
}

// dfill sums thousands of rows into one, which wants the whole GPU: groups of kGroup rows first
// (few, so that there are many blocks), then the groups in double.
constexpr int kGroup = 16;

// partial[g, c] = sum of dy[r, c] over the group's rows with index[r] < 0. Block: group g, a strip
// of kThreads * N columns.
template <int N, class T>
__global__ void __launch_bounds__(kThreads)
    gather_rows_partial_kernel(Global<const T> dy, Global<const std::int32_t> index,
                               Global<float> partial, Index rows, Index width, Index strips) {
  const int lane = threadIdx.x % kWarpSize;
  const Index group = blockIdx.x / strips, first = group * kGroup;
  const Index c = (blockIdx.x % strips * kThreads + threadIdx.x) * N;
  const bool mine = lane < kGroup && first + lane < rows && index[first + lane] < 0;
  const std::uint32_t taken = __ballot_sync(kAllLanes, mine);
  if (c >= width) return;
  float sum[N] = {};
  if (taken != 0) {
    // A row that is not taken reads one that is, from the cache: no branch parts the loads.
    const int spare = __ffs(static_cast<int>(taken)) - 1;
#pragma unroll
    for (int r = 0; r < kGroup; ++r) {
      const bool here = (taken >> r & 1u) != 0;
      const Vector<T, N> value = load_vector<N>(dy, (first + (here ? r : spare)) * width + c);
      for (int k = 0; k < N; ++k) sum[k] += here ? static_cast<float>(value[k]) : 0.0f;
    }
  }
  for (int k = 0; k < N; ++k) partial[group * width + c + k] = sum[k];
}

// dfill[c] = sum of partial[g, c] over g. Block: 32 columns, a lane for each; warp w takes the
// groups w, w + 8, ... and the eight sums are added in the order of the warps.
constexpr int kFoldWarps = 8;

template <class T>
__global__ void __launch_bounds__(kFoldWarps* kWarpSize)
    gather_rows_dfill_kernel(Global<const float> partial, Global<T> dfill, Index groups,
                             Index width) {
  OFER_SHARED(double, sums, kFoldWarps* kWarpSize);
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  const Index c = static_cast<Index>(blockIdx.x) * kWarpSize + lane;
  double sum = 0;
  if (c < width)
    for (Index g = warp; g < groups; g += kFoldWarps) sum += partial[g * width + c];
  sums[warp * kWarpSize + lane] = sum;
  __syncthreads();
  if (warp != 0 || c >= width) return;
  double total = 0;
  for (int w = 0; w < kFoldWarps; ++w) total += sums[w * kWarpSize + lane];
  dfill[c] = T(total);
}

template <int N, class T>
void gather_rows_backward_in(const GatherRowsBackwardArgs<T>& args, Stream& stream) {
  const Index strips = blocks_of<Index>(args.width, kThreads * N);
  if (args.dx)
    launch("gather_rows_backward", gather_rows_dx_kernel<N, T>,
           {grid_of(args.x_rows * strips), kThreads}, stream, args.dy, args.index, args.dx,
           args.rows, args.width, strips);
  if (!args.dfill) return;
  const Index groups = blocks_of<Index>(args.rows, kGroup);
  float* partial = gpu_stream(stream).template scratch<float>(0, groups * args.width);
  launch("gather_rows_backward", gather_rows_partial_kernel<N, T>,
         {grid_of(groups * strips), kThreads}, stream, args.dy, args.index, partial, args.rows,
         args.width, strips);
  launch("gather_rows_backward", gather_rows_dfill_kernel<T>,
         {grid_of(blocks_of<Index>(args.width, kWarpSize)), kFoldWarps * kWarpSize}, stream,
         partial, args.dfill, groups, args.width);
}

}  // namespace

template <class T>
void gather_rows_backward(const GatherRowsBackwardArgs<T>& args, Stream& stream) {
  constexpr int N = kVector<T>;
  if (args.width == 0) return;
  if (args.width % N == 0 && aligned_for<N>(args.dy) && aligned_for<N>(args.dx))
    gather_rows_backward_in<N>(args, stream);
  else
    gather_rows_backward_in<1>(args, stream);
}

OFER_INSTANTIATE_GPU(gather_rows, GatherRowsArgs)
OFER_INSTANTIATE_GPU_BF16(gather_rows, GatherRowsArgs)
OFER_INSTANTIATE_GPU(gather_rows_backward, GatherRowsBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(gather_rows_backward, GatherRowsBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
