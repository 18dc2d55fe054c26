// Batch norm on a GPU. A channel's elements, N P of them, lie in N runs of P = positions. Their
// statistics are taken in parts of 4096, a block each, and put together by one warp for a channel;
// what remains works on elements alone.
#include "kernels/cuda/moments.cuh"
#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

// 64 channels of 16 x 56 x 56 elements are 832 parts: enough blocks though the channels are few.
using PartTeam = Team<256, 16>;
constexpr int kPart = PartTeam::kSize * PartTeam::kElements;

// Where a channel's elements lie, counted from its first one in an image.
struct ChannelPlaces {
  int first;  // of the part, inside that image's run
  int positions;
  Index image;  // from one image to the next

  __device__ Index operator()(int i) const {
    const int at = first + i;
    return at / positions * image + at % positions;
  }
};

// A block's part of a channel: block c parts + p has elements [4096 p, 4096 (p + 1)) of channel c.
struct Part {
  Index start;  // of the channel's run in the image that the part begins in
  int count;
  ChannelPlaces places;
};

__device__ __forceinline__ Part part_of_block(Index batch, Index channels, int positions) {
  const Index count = batch * positions, parts = blocks_of<Index>(count, kPart);
  const Index channel = blockIdx.x / parts, first = blockIdx.x % parts * kPart;
  return {(first / positions * channels + channel) * positions,
          static_cast<int>(min(count - first, static_cast<Index>(kPart))),
          {static_cast<int>(first % positions), positions, channels * positions}};
}

// part_mean, part_squares [channels, parts]: mean, and sum of squared deviations from it.
template <class T, int N>
__global__ void __launch_bounds__(PartTeam::kThreads)
    batch_norm_parts_kernel(Global<const T> x, Global<double> part_mean,
                            Global<double> part_squares, Index batch, Index channels, int positions,
                            bool aligned) {
  const Part part = part_of_block(batch, channels, positions);
  Row<T, PartTeam, 1, N, ChannelPlaces> row({x + part.start}, part.count, aligned, part.places);
  const Moments all = moments<PartTeam>(row, part.count);
  if (threadIdx.x != 0) return;
  part_mean[blockIdx.x] = static_cast<double>(all.mean.high) + static_cast<double>(all.mean.low);
  part_squares[blockIdx.x] = static_cast<double>(all.variance) * part.count;
}

// A warp for each channel: with n_p elements in part p,
//   mean = sum n_p mean_p / n,   n var = sum squares_p + n_p (mean_p - mean)^2.
// Moves the running statistics, and leaves centre [3, channels]: mean in two parts, rstd.
template <class T>
__global__ void __launch_bounds__(kWarpSize)
    batch_norm_statistics_kernel(Global<const double> part_mean, Global<const double> part_squares,
                                 Global<T> running_mean, Global<T> running_variance,
                                 Global<Wide<T>> mean, Global<Wide<T>> rstd, Global<float> centre,
                                 Index parts, Index count, double eps, double momentum) {
  const Index c = blockIdx.x, channels = gridDim.x, lane = threadIdx.x;
  const double n = static_cast<double>(count);
  double sum = 0, squares = 0;
  for (Index p = lane; p < parts; p += kWarpSize) {
    const double own = static_cast<double>(min(count - p * kPart, static_cast<Index>(kPart)));
    sum += own * part_mean[c * parts + p];
  }
  const double average = warp_sum(sum) / n;
  for (Index p = lane; p < parts; p += kWarpSize) {
    const double own = static_cast<double>(min(count - p * kPart, static_cast<Index>(kPart)));
    const double away = part_mean[c * parts + p] - average;
    squares += part_squares[c * parts + p] + own * (away * away);
  }
  const double total = warp_sum(squares), variance = total / n;
  if (lane != 0) return;
  const double unbiased = count > 1 ? total / (n - 1) : variance;
  const double old_mean = static_cast<double>(static_cast<float>(running_mean[c]));
  const double old_variance = static_cast<double>(static_cast<float>(running_variance[c]));
  running_mean[c] = T(static_cast<float>(old_mean + momentum * (average - old_mean)));
  running_variance[c] = T(static_cast<float>(old_variance + momentum * (unbiased - old_variance)));
  const float high = static_cast<float>(average);
  const float scale = static_cast<float>(1.0 / sqrt(variance + eps));
  centre[c] = high;
  centre[channels + c] = static_cast<float>(average - static_cast<double>(high));
  centre[2 * channels + c] = scale;
  if (mean) mean[c] = high;
  if (rstd) rstd[c] = scale;
}

constexpr int kThreads = 256;

// The running statistics as the backward pass wants them.
template <class T>
__global__ void __launch_bounds__(kThreads)
    batch_norm_keep_kernel(Global<const T> running_mean, Global<const T> running_variance,
                           Global<Wide<T>> mean, Global<Wide<T>> rstd, Index channels, float eps) {
  const Index c = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
  if (c >= channels) return;
  if (mean) mean[c] = static_cast<float>(running_mean[c]);
  if (rstd) rstd[c] = 1.0f / sqrtf(static_cast<float>(running_variance[c]) + eps);
}

// y = (x - mean_c) rstd_c weight[c] + bias[c], with `centre` or, where that is null, the running
// statistics. A thread takes N neighbours of one run at a time. I: 32 bits where they are enough,
// for the sake of the two divisions.
template <class T, int N, class I>
__global__ void __launch_bounds__(kThreads)
    batch_norm_kernel(Global<const T> x, Global<const T> weight, Global<const T> bias,
                      Global<const T> running_mean, Global<const T> running_variance,
                      Global<const float> centre, Global<T> y, I groups, I channels, I positions,
                      float eps, bool aligned) {
  const I stride = static_cast<I>(gridDim.x) * kThreads;
  for (I g = static_cast<I>(blockIdx.x) * kThreads + threadIdx.x; g < groups; g += stride) {
    const Index at = static_cast<Index>(g) * N;
    const I c = g / (positions / N) % channels;
    Mean mean;
    float scale;
    if (centre) {
      mean = {centre[c], centre[channels + c]};
      scale = centre[2 * channels + c];
    } else {
      mean = {static_cast<float>(running_mean[c]), 0.0f};
      scale = 1.0f / sqrtf(static_cast<float>(running_variance[c]) + eps);
    }
    scale *= static_cast<float>(weight[c]);
    const float offset = static_cast<float>(bias[c]);
    float value[N];
    load_group<N>(x, at, aligned, value);
    for (int i = 0; i < N; ++i) value[i] = mean.centred(value[i]) * scale + offset;
    store_group<N>(y, at, aligned, value);
  }
}

// part_sums [3, channels, parts]: with d = x - mean, sums of d, dy and dy d over a part.
template <class T, int N>
__global__ void __launch_bounds__(PartTeam::kThreads)
    batch_norm_gradient_parts_kernel(Global<const T> dy, Global<const T> x,
                                     Global<const Wide<T>> mean, Global<double> part_sums,
                                     Index batch, Index channels, int positions, bool aligned) {
  const Part part = part_of_block(batch, channels, positions);
  Row<T, PartTeam, 2, N, ChannelPlaces> row({dy + part.start, x + part.start}, part.count, aligned,
                                            part.places);
  const Index parts = gridDim.x / channels;
  float totals[3];
  gradient_sums<PartTeam>(
      row, static_cast<float>(mean[blockIdx.x / parts]), [](const auto& v) { return v[0]; },
      totals);
  if (threadIdx.x != 0) return;
  for (int i = 0; i < 3; ++i) part_sums[i * static_cast<Index>(gridDim.x) + blockIdx.x] = totals[i];
}

// A warp for each channel: dbias = sum dy, dweight = sum dy xhat. Leaves terms [3, channels] for
// dx: what the kept mean misses, mean(dy), mean(dy xhat). With constant statistics the mean is
// exact.
template <class T>
__global__ void __launch_bounds__(kWarpSize)
    batch_norm_gradient_kernel(Global<const double> part_sums, Global<const Wide<T>> rstd,
                               Global<T> dweight, Global<T> dbias, Global<float> terms, Index parts,
                               Index count, bool training) {
  const Index c = blockIdx.x, channels = gridDim.x;
  double total[3] = {};
  for (int i = 0; i < 3; ++i) {
    for (Index p = threadIdx.x; p < parts; p += kWarpSize)
      total[i] += part_sums[(i * channels + c) * parts + p];
    total[i] = warp_sum(total[i]);
  }
  if (threadIdx.x != 0) return;
  const double n = static_cast<double>(count);
  const double low = training ? total[0] / n : 0;
  const double product =
      static_cast<double>(static_cast<float>(rstd[c])) * (total[2] - low * total[1]);
  if (dweight) dweight[c] = T(static_cast<float>(product));
  if (dbias) dbias[c] = T(static_cast<float>(total[1]));
  terms[c] = static_cast<float>(low);
  terms[channels + c] = static_cast<float>(total[1] / n);
  terms[2 * channels + c] = static_cast<float>(product / n);
}

// training: dx = weight rstd (dy - mean(dy) - xhat mean(dy xhat)); otherwise (terms null)
// dx = weight rstd dy.
template <class T, int N, class I>
__global__ void __launch_bounds__(kThreads)
    batch_norm_dx_kernel(Global<const T> dy, Global<const T> x, Global<const T> weight,
                         Global<const Wide<T>> mean, Global<const Wide<T>> rstd,
                         Global<const float> terms, Global<T> dx, I groups, I channels, I positions,
                         bool aligned) {
  const I stride = static_cast<I>(gridDim.x) * kThreads;
  for (I g = static_cast<I>(blockIdx.x) * kThreads + threadIdx.x; g < groups; g += stride) {
    const Index at = static_cast<Index>(g) * N;
    const I c = g / (positions / N) % channels;
    const float deviation = rstd[c], scale = static_cast<float>(weight[c]) * deviation;
    float value[N];
    load_group<N>(dy, at, aligned, value);
    if (terms) {
      const Mean centre{static_cast<float>(mean[c]), terms[c]};
      const float mean_dy = terms[channels + c], mean_product = terms[2 * channels + c];
      float element[N];
      load_group<N>(x, at, aligned, element);
      for (int i = 0; i < N; ++i)
        value[i] -= mean_dy + centre.centred(element[i]) * deviation * mean_product;
    }
    for (int i = 0; i < N; ++i) value[i] *= scale;
    store_group<N>(dx, at, aligned, value);
  }
}

// Calls use(n, i): how many neighbours a thread takes at once, by the length of a run, and the type
// of the indices that `count` elements need.
template <class T, class Use>
void with_elements(Index count, Index positions, Use use) {
  const auto with_index = [&](auto n) {
    if (count < (Index{1} << 31))
      use(n, std::uint32_t{});
    else
      use(n, std::uint64_t{});
  };
  if (positions % kVectorOf<T> == 0)
    with_index(std::integral_constant<int, kVectorOf<T>>{});
  else
    with_index(std::integral_constant<int, 1>{});
}

// A thread for each of `groups`, up to where threads take several.
LaunchShape element_shape(Index groups) {
  return {grid_of(min(blocks_of<Index>(groups, kThreads), kMostBlocks)), kThreads};
}

// The batch's statistics, in two launches; the result is centre [3, channels].
template <class T>
const float* batch_statistics(const BatchNormArgs<T>& args, Stream& stream) {
  const Index count = args.batch * args.positions, parts = blocks_of<Index>(count, kPart);
  double* part_mean = gpu_stream(stream).scratch<double>(0, 2 * args.channels * parts);
  double* part_squares = part_mean + args.channels * parts;
  float* centre = gpu_stream(stream).scratch<float>(1, 3 * args.channels);
  with_group<T>(PartTeam{}, args.positions, [&](auto, auto n) {
    constexpr int N = n;
    launch("batch_norm", batch_norm_parts_kernel<T, N>,
           {grid_of(args.channels * parts), PartTeam::kThreads}, stream, args.x, part_mean,
           part_squares, args.batch, args.channels, static_cast<int>(args.positions),
           aligned_for<N>(args.x));
  });
  launch("batch_norm", batch_norm_statistics_kernel<T>, {grid_of(args.channels), kWarpSize}, stream,
         part_mean, part_squares, args.running_mean, args.running_variance, args.mean, args.rstd,
         centre, parts, count, args.eps, args.momentum);
  return centre;
}

}  // namespace

template <class T>
void batch_norm(const BatchNormArgs<T>& args, Stream& stream) {
  const Index count = args.batch * args.channels * args.positions;
  const float eps = static_cast<float>(args.eps);
  const float* centre = args.training ? batch_statistics(args, stream) : nullptr;
  if (!args.training && (args.mean || args.rstd))
    launch("batch_norm", batch_norm_keep_kernel<T>,
           {grid_of(blocks_of<Index>(args.channels, kThreads)), kThreads}, stream,
           args.running_mean, args.running_variance, args.mean, args.rstd, args.channels, eps);
  with_elements<T>(count, args.positions, [&](auto n, auto index) {
    constexpr int N = n;
    launch("batch_norm", batch_norm_kernel<T, N, decltype(index)>, element_shape(count / N), stream,
           args.x, args.weight, args.bias, args.running_mean, args.running_variance, centre, args.y,
           count / N, args.channels, args.positions, eps,
           aligned_for<N>(args.x) && aligned_for<N>(args.y));
  });
}

template <class T>
void batch_norm_backward(const BatchNormBackwardArgs<T>& args, Stream& stream) {
  const Index count = args.batch * args.positions, all = count * args.channels;
  const Index parts = blocks_of<Index>(count, kPart);
  float* terms = nullptr;
  if (args.training || args.dweight || args.dbias) {
    double* part_sums = gpu_stream(stream).scratch<double>(0, 3 * args.channels * parts);
    terms = gpu_stream(stream).scratch<float>(1, 3 * args.channels);
    with_group<T>(PartTeam{}, args.positions, [&](auto, auto n) {
      constexpr int N = n;
      launch("batch_norm_backward", batch_norm_gradient_parts_kernel<T, N>,
             {grid_of(args.channels * parts), PartTeam::kThreads}, stream, args.dy, args.x,
             args.mean, part_sums, args.batch, args.channels, static_cast<int>(args.positions),
             aligned_for<N>(args.dy) && aligned_for<N>(args.x));
    });
    launch("batch_norm_backward", batch_norm_gradient_kernel<T>,
           {grid_of(args.channels), kWarpSize}, stream, part_sums, args.rstd, args.dweight,
           args.dbias, terms, parts, count, args.training);
  }
  if (!args.dx) return;
  with_elements<T>(all, args.positions, [&](auto n, auto index) {
    constexpr int N = n;
    launch("batch_norm_backward", batch_norm_dx_kernel<T, N, decltype(index)>,
           element_shape(all / N), stream, args.dy, args.x, args.weight, args.mean, args.rstd,
           args.training ? terms : nullptr, args.dx, all / N, args.channels, args.positions,
           aligned_for<N>(args.dy) && aligned_for<N>(args.x) && aligned_for<N>(args.dx));
  });
}

OFER_INSTANTIATE_GPU(batch_norm, BatchNormArgs)
OFER_INSTANTIATE_GPU_BF16(batch_norm, BatchNormArgs)
OFER_INSTANTIATE_GPU(batch_norm_backward, BatchNormBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(batch_norm_backward, BatchNormBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
