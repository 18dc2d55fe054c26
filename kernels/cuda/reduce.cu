// Sums, means and extremes along an axis, on a GPU. Along the last axis a team of threads has a
// row; along another one neighbouring columns lie on neighbouring lanes. Long sums are cut into
// parts of fixed length, and whatever more than a few threads have added is carried on in double.
#include <cmath>

#include "kernels/cuda/column_sums.cuh"
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/row.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

// Longest row that one team holds.
using LongTeam = Team<512, 32>;
constexpr Index kRowPart = LongTeam::kSize * LongTeam::kElements;

// y[r] = scale * sum of row r, x [rows, length]; or, with parts > 1, part[r, p] = the sum over the
// elements [p kRowPart, (p + 1) kRowPart) of row r, [rows, parts], each a team's.
template <class T, class Team, int N>
__global__ void __launch_bounds__(Team::kThreads)
    sum_rows_kernel(Global<const T> x, Global<T> y, Global<double> part, Index rows, Index length,
                    Index parts, double scale, bool aligned) {
  const Index item = Team::number();
  const bool mine = item < rows * parts;
  const Index begin = item % parts * kRowPart;
  const int count = mine ? static_cast<int>(min(length - begin, kRowPart)) : 0;
  Row<T, Team, 1, N> row({x + (item / parts * length + begin)}, count, aligned);
  float sum = 0;
  row.for_each([&](const auto& v, int) { sum += v[0]; });
  const double total = team_sum<Team>(static_cast<double>(sum));
  if (!mine || Team::rank() != 0) return;
  if (part)
    part[item] = total;
  else
    y[item] = T(static_cast<float>(total * scale));
}

// The same along the middle axis of [outer, length, inner]: a block has a strip of columns over
// kPartSteps steps; part [outer, parts, inner].
template <class T>
__global__ void __launch_bounds__(kStripThreads)
    sum_columns_kernel(Global<const T> x, Global<T> y, Global<double> part, Index length,
                       Index inner, Index parts, double scale) {
  const Index strips = blocks_of<Index>(inner, kStrip);
  const Index c = blockIdx.x % strips * kStrip + threadIdx.x % kStrip;
  const Index item = blockIdx.x / strips, r = item / parts;
  const Index first = item % parts * kPartSteps;
  const Index last = min(length, first + kPartSteps);
  float sum = 0;
  if (c < inner)
    for (Index i = first + threadIdx.x / kStrip; i < last; i += kSlices)
      sum += static_cast<float>(x[(r * length + i) * inner + c]);
  double total[1] = {sum};
  add_slices(total);
  if (threadIdx.x >= kStrip || c >= inner) return;
  if (part)
    part[item * inner + c] = total[0];
  else
    y[item * inner + c] = T(static_cast<float>(total[0] * scale));
}

// --- extremes ---

constexpr int kNone = 0x7fffffff;  // position of no element

// The largest value and the first position that has it. NaN counts as larger than any number, so
// that it is not lost. The smallest value is found as the largest of the negated ones.
struct Best {
  float value = -INFINITY;
  int at = kNone;

  __device__ __forceinline__ void take(float other, int other_at) {
    const bool nan = value != value, other_nan = other != other;
    const bool larger = other > value || (other_nan && !nan);
    const bool same = other == value || (other_nan && nan);
    if (larger || (same && other_at < at)) {
      value = other;
      at = other_at;
    }
  }
};

// Over a team, all threads of the block calling and receiving.
template <class Team>
__device__ __forceinline__ void team_best(Best& best) {
  constexpr int kLanes = Team::kSize < kWarpSize ? Team::kSize : kWarpSize;
  constexpr int kWarps = Team::kSize / kLanes;
  const auto over_lanes = [&] {
    for (int lane_mask = kLanes / 2; lane_mask > 0; lane_mask /= 2) {
      const float value = __shfl_xor_sync(kAllLanes, best.value, lane_mask);
      const int at = __shfl_xor_sync(kAllLanes, best.at, lane_mask);
      best.take(value, at);
    }
  };
  over_lanes();
  if constexpr (kWarps > 1) {
    OFER_SHARED(float, value, kWarps);
    OFER_SHARED(int, at, kWarps);
    const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
    __syncthreads();
    if (lane == 0) {
      value[warp] = best.value;
      at[warp] = best.at;
    }
    __syncthreads();
    best = Best{};
    if (lane < kWarps) best.take(value[lane], at[lane]);
    over_lanes();
  }
}

// y[r] = sign * largest of (sign x[r, :]), argument[r] (or null) its first position. Team: a row.
template <class T, class Team, int N>
__global__ void __launch_bounds__(Team::kThreads)
    extreme_rows_kernel(Global<const T> x, Global<T> y, Global<std::int32_t> argument, Index rows,
                        int length, float sign, bool aligned) {
  const Index r = Team::number();
  Row<T, Team, 1, N> row({x + r * length}, r < rows ? length : 0, aligned);
  Best best;
  row.for_each([&](const auto& v, int i) { best.take(sign * v[0], i); });
  team_best<Team>(best);
  if (r >= rows || Team::rank() != 0) return;
  y[r] = T(sign * best.value);
  if (argument) argument[r] = best.at;
}

// The same along the middle axis: a block has a strip of columns, each of its eight warps every
// eighth step.
template <class T>
__global__ void __launch_bounds__(kStripThreads)
    extreme_columns_kernel(Global<const T> x, Global<T> y, Global<std::int32_t> argument,
                           Index length, Index inner, float sign) {
  OFER_SHARED(float, value, kStripThreads);
  OFER_SHARED(int, at, kStripThreads);
  const Index strips = blocks_of<Index>(inner, kStrip);
  const Index c = blockIdx.x % strips * kStrip + threadIdx.x % kStrip;
  const Index r = blockIdx.x / strips;
  Best best;
  if (c < inner)
    for (Index i = threadIdx.x / kStrip; i < length; i += kSlices)
      best.take(sign * static_cast<float>(x[(r * length + i) * inner + c]), static_cast<int>(i));
  value[threadIdx.x] = best.value;
  at[threadIdx.x] = best.at;
  __syncthreads();
  if (threadIdx.x >= kStrip || c >= inner) return;
  for (int s = 1; s < kSlices; ++s)
    best.take(value[s * kStrip + threadIdx.x], at[s * kStrip + threadIdx.x]);
  y[r * inner + c] = T(sign * best.value);
  if (argument) argument[r * inner + c] = best.at;
}

// --- gradient ---

constexpr int kThreads = 256;

// dx[r, i, c] = scale * dy[r, c]; with `argument`, dy[r, c] where i is argument[r, c], else 0. A
// thread for each element of dx. I: 32 bits where they are enough, for the sake of the divisions.
template <class T, class I>
__global__ void __launch_bounds__(kThreads)
    reduce_backward_kernel(Global<const T> dy, Global<const std::int32_t> argument, Global<T> dx,
                           I count, I length, I inner, float scale) {
  const I stride = static_cast<I>(gridDim.x) * kThreads;
  for (I e = static_cast<I>(blockIdx.x) * kThreads + threadIdx.x; e < count; e += stride) {
    const I step = e / inner, c = e - step * inner;
    const I r = step / length;
    const Index from = static_cast<Index>(r) * static_cast<Index>(inner) + static_cast<Index>(c);
    const bool takes =
        !argument || static_cast<I>(static_cast<std::int32_t>(argument[from])) == step - r * length;
    dx[static_cast<Index>(e)] = T(takes ? scale * static_cast<float>(dy[from]) : 0.0f);
  }
}

// --- launches ---

template <class T>
void reduce_sum(const ReduceArgs<T>& args, double scale, Stream& stream) {
  const Index outer = args.outer, length = args.length, inner = args.inner;
  const bool rows = inner == 1;
  const Index most = rows ? kRowPart : Index{kPartSteps};
  const Index parts = length > most ? blocks_of(length, most) : 1;
  double* part = parts > 1 ? gpu_stream(stream).scratch<double>(0, outer * parts * inner) : nullptr;
  const auto with_rows = [&](auto team, auto n) {
    using Team = decltype(team);
    constexpr int N = n;
    if constexpr (Team::kHeld)
      launch("reduce", sum_rows_kernel<T, Team, N>, team_shape<Team>(outer * parts), stream, args.x,
             args.y, part, outer, length, parts, scale, aligned_for<N>(args.x));
  };
  if (rows && parts > 1)
    with_group<T>(LongTeam{}, length, with_rows);
  else if (rows)
    with_team<T>(length, with_rows);
  else
    launch("reduce", sum_columns_kernel<T>,
           {grid_of(outer * parts * blocks_of<Index>(inner, kStrip)), kStripThreads}, stream,
           args.x, args.y, part, length, inner, parts, scale);
  if (part) add_parts("reduce", part, args.y, outer, parts, inner, scale, stream);
}

template <class T>
void reduce_extreme(const ReduceArgs<T>& args, float sign, Stream& stream) {
  if (args.length == 0) return;
  if (args.inner > 1) {
    launch("reduce", extreme_columns_kernel<T>,
           {grid_of(args.outer * blocks_of<Index>(args.inner, kStrip)), kStripThreads}, stream,
           args.x, args.y, args.argument, args.length, args.inner, sign);
    return;
  }
  with_team<T>(args.length, [&](auto team, auto n) {
    using Team = decltype(team);
    constexpr int N = n;
    launch("reduce", extreme_rows_kernel<T, Team, N>, team_shape<Team>(args.outer), stream, args.x,
           args.y, args.argument, args.outer, static_cast<int>(args.length), sign,
           aligned_for<N>(args.x));
  });
}

}  // namespace

template <class T>
void reduce(const ReduceArgs<T>& args, Stream& stream) {
  if (args.outer == 0 || args.inner == 0) return;
  switch (args.function) {
    case Reduction::kSum:
      return reduce_sum(args, 1, stream);
    case Reduction::kMean:
      return reduce_sum(args, 1 / static_cast<double>(args.length), stream);
    case Reduction::kMaximum:
      return reduce_extreme(args, 1, stream);
    case Reduction::kMinimum:
      return reduce_extreme(args, -1, stream);
  }
}

template <class T>
void reduce_backward(const ReduceBackwardArgs<T>& args, Stream& stream) {
  const Index count = args.outer * args.length * args.inner;
  const bool mean = args.function == Reduction::kMean;
  const bool sum = mean || args.function == Reduction::kSum;
  const float scale = mean ? 1.0f / static_cast<float>(args.length) : 1.0f;
  const auto start = [&](auto index) {
    launch("reduce_backward", reduce_backward_kernel<T, decltype(index)>,
           {grid_of(min(blocks_of<Index>(count, kThreads), kMostBlocks)), kThreads}, stream,
           args.dy, sum ? nullptr : args.argument, args.dx, count, args.length, args.inner, scale);
  };
  if (count < (Index{1} << 31))
    start(std::uint32_t{});
  else
    start(std::uint64_t{});
}

OFER_INSTANTIATE_GPU(reduce, ReduceArgs)
OFER_INSTANTIATE_GPU_BF16(reduce, ReduceArgs)
OFER_INSTANTIATE_GPU(reduce_backward, ReduceBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(reduce_backward, ReduceBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
