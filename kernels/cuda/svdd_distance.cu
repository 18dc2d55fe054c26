// Squared distances to the centre of a deep SVDD, on a GPU: one warp for a row.
#include "kernels/cuda/load_floats.cuh"
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

// Four warps: the 196 rows of one image spread over 49 blocks.
constexpr int kThreads = 128;
constexpr int kRowsPerBlock = kThreads / kWarpSize;

// distance[r] = sum over columns of (f - c)^2, r = n positions + l = 4 block + warp. Lane i takes
// the groups i, i + 32, ... of neighbouring columns. The difference comes first: |f|^2 + |c|^2 - 2
// <f, c> would lose everything when f is close to c.
template <bool kAligned, class T>
__global__ void __launch_bounds__(kThreads)
    svdd_distance_kernel(Global<const T> feature, Global<const T> center, Global<T> distance,
                         Index rows, Index positions, Index width, bool by_position) {
  constexpr int N = kVectorOf<T>;
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  const Index r = static_cast<Index>(blockIdx.x) * kRowsPerBlock + warp;
  if (r >= rows) return;
  const Global<const T> f = feature + r * width;
  const Global<const T> c = center + (by_position ? r % positions * width : 0);
  float sum = 0;
  for (Index at = lane * N; at < width; at += kWarpSize * N) {
    const Vector<float, N> a = load_floats<N, T>(f, at, width - at, kAligned);
    const Vector<float, N> b = load_floats<N, T>(c, at, width - at, kAligned);
    for (int k = 0; k < N; ++k) sum += (a[k] - b[k]) * (a[k] - b[k]);
  }
  sum = warp_sum(sum);
  if (lane == 0) distance[r] = T(sum);
}

// dfeature = 2 ddistance (f - c), with the same share of work.
template <bool kAligned, class T>
__global__ void __launch_bounds__(kThreads)
    svdd_distance_backward_kernel(Global<const T> ddistance, Global<const T> feature,
                                  Global<const T> center, Global<T> dfeature, Index rows,
                                  Index positions, Index width, bool by_position) {
  constexpr int N = kVectorOf<T>;
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  const Index r = static_cast<Index>(blockIdx.x) * kRowsPerBlock + warp;
  if (r >= rows) return;
  const Global<const T> f = feature + r * width;
  const Global<const T> c = center + (by_position ? r % positions * width : 0);
  const Global<T> df = dfeature + r * width;
  const float scale = 2 * static_cast<float>(ddistance[r]);
  for (Index at = lane * N; at < width; at += kWarpSize * N) {
    const Vector<float, N> a = load_floats<N, T>(f, at, width - at, kAligned);
    const Vector<float, N> b = load_floats<N, T>(c, at, width - at, kAligned);
    Vector<float, N> result;
    for (int k = 0; k < N; ++k) result[k] = scale * (a[k] - b[k]);
    store_floats<N, T>(df, at, width - at, kAligned, result);
  }
}

}  // namespace

template <class T>
void svdd_distance(const SvddDistanceArgs<T>& args, Stream& stream) {
  constexpr int N = kVectorOf<T>;
  const Index rows = args.batch * args.positions;
  const bool aligned =
      args.width % N == 0 && aligned_for<N>(args.feature) && aligned_for<N>(args.center);
  launch("svdd_distance", aligned ? svdd_distance_kernel<true, T> : svdd_distance_kernel<false, T>,
         {grid_of(blocks_of<Index>(rows, kRowsPerBlock)), kThreads}, stream, args.feature,
         args.center, args.distance, rows, args.positions, args.width, args.by_position);
}

template <class T>
void svdd_distance_backward(const SvddDistanceBackwardArgs<T>& args, Stream& stream) {
  constexpr int N = kVectorOf<T>;
  const Index rows = args.batch * args.positions;
  const bool aligned = args.width % N == 0 && aligned_for<N>(args.feature) &&
                       aligned_for<N>(args.center) && aligned_for<N>(args.dfeature);
  launch("svdd_distance_backward",
         aligned ? svdd_distance_backward_kernel<true, T> : svdd_distance_backward_kernel<false, T>,
         {grid_of(blocks_of<Index>(rows, kRowsPerBlock)), kThreads}, stream, args.ddistance,
         args.feature, args.center, args.dfeature, rows, args.positions, args.width,
         args.by_position);
}

OFER_INSTANTIATE_GPU(svdd_distance, SvddDistanceArgs)
OFER_INSTANTIATE_GPU_BF16(svdd_distance, SvddDistanceArgs)
OFER_INSTANTIATE_GPU(svdd_distance_backward, SvddDistanceBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(svdd_distance_backward, SvddDistanceBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
