// Cross entropy of classes on a GPU: one warp for a row.
#include <algorithm>

#include "kernels/cuda/long_sum.cuh"
#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

constexpr int kThreads = kSumThreads;
constexpr int kWarps = kThreads / kWarpSize;

template <class T>
__device__ __forceinline__ double weight_of(Global<const T> class_weight, std::int32_t target) {
  return class_weight ? static_cast<double>(static_cast<float>(class_weight[target])) : 1.0;
}

// Warp w of the grid takes rows w, w + warps, ...: its lanes share out the classes, find the
// largest, then the sum of exponentials, then write log softmax. partial[b] = sum of w_t (-log
// softmax(x)[t]) and partial[blocks + b] = sum of w_t over block b's rows.
template <class T>
__global__ void __launch_bounds__(kThreads)
    cross_entropy_rows_kernel(Global<const T> x, Global<const std::int32_t> target,
                              Global<const T> class_weight, Global<T> log_probability,
                              Global<double> partial, Index rows, int classes) {
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  double loss = 0, weights = 0;
  for (Index r = static_cast<Index>(blockIdx.x) * kWarps + warp; r < rows;
       r += static_cast<Index>(gridDim.x) * kWarps) {
    const Index first = r * classes;
    float top = -INFINITY;
    for (int c = lane; c < classes; c += kWarpSize) {
      const float v = x[first + c];
      top = v > top ? v : top;
    }
    top = warp_max(top);
    float sum = 0;
    for (int c = lane; c < classes; c += kWarpSize)
      sum += expf(static_cast<float>(x[first + c]) - top);
    const float log_sum = logf(warp_sum(sum));
    for (int c = lane; c < classes; c += kWarpSize)
      log_probability[first + c] = T((static_cast<float>(x[first + c]) - top) - log_sum);
    if (lane == 0) {
      const std::int32_t t = target[r];
      const double weight = weight_of(class_weight, t);
      const float of_target = (static_cast<float>(x[first + t]) - top) - log_sum;
      loss -= weight * static_cast<double>(of_target);
      weights += weight;
    }
  }
  loss = block_sum<kThreads>(loss);
  weights = block_sum<kThreads>(weights);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = loss;
    partial[gridDim.x + blockIdx.x] = weights;
  }
}

// One block adds the parts.
template <class T>
__global__ void __launch_bounds__(kThreads)
    cross_entropy_kernel(Global<const double> partial, Global<T> loss, int parts) {
  const double sum = sum_of_parts<kThreads>(partial, parts);
  const double weight = sum_of_parts<kThreads>(partial + parts, parts);
  if (threadIdx.x == 0) loss[0] = T(weight == 0 ? 0.0f : static_cast<float>(sum / weight));
}

// partial[b] = sum of w_t over block b's rows, one thread for a row.
template <class T>
__global__ void __launch_bounds__(kThreads)
    cross_entropy_weight_kernel(Global<const std::int32_t> target, Global<const T> class_weight,
                                Global<double> partial, Index rows) {
  double weights = 0;
  for (Index r = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; r < rows;
       r += static_cast<Index>(gridDim.x) * kThreads)
    weights += weight_of(class_weight, static_cast<std::int32_t>(target[r]));
  weights = block_sum<kThreads>(weights);
  if (threadIdx.x == 0) partial[blockIdx.x] = weights;
}

// dx = dloss w_t / sum(w) (softmax(x) - one at t), one thread for an element. With no class weights
// the sum is the number of rows; else every block adds its parts for itself.
template <class T>
__global__ void __launch_bounds__(kThreads)
    cross_entropy_backward_kernel(Global<const T> dloss, Global<const std::int32_t> target,
                                  Global<const T> class_weight, Global<const T> log_probability,
                                  Global<const double> partial, Global<T> dx, int parts, Index rows,
                                  Index classes) {
  const double weight =
      class_weight ? sum_of_parts<kThreads>(partial, parts) : static_cast<double>(rows);
  const double up = static_cast<double>(static_cast<float>(dloss[0]));
  for (Index i = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; i < rows * classes;
       i += static_cast<Index>(gridDim.x) * kThreads) {
    const Index r = i / classes;
    const std::int32_t t = target[r];
    const float scale =
        weight == 0 ? 0.0f : static_cast<float>(up * weight_of(class_weight, t) / weight);
    const float one = i - r * classes == t ? 1.0f : 0.0f;
    dx[i] = T(scale * (expf(static_cast<float>(log_probability[i])) - one));
  }
}

}  // namespace

template <class T>
void cross_entropy(const CrossEntropyArgs<T>& args, Stream& stream) {
  const Index parts = std::min(kMostParts, blocks_of<Index>(args.rows, kWarps));
  double* partial = gpu_stream(stream).template scratch<double>(0, 2 * std::max<Index>(1, parts));
  launch("cross_entropy rows", cross_entropy_rows_kernel<T>, {grid_of(parts), kThreads}, stream,
         args.x, args.target, args.class_weight, args.log_probability, partial, args.rows,
         args.classes);
  launch("cross_entropy", cross_entropy_kernel<T>, {1, kThreads}, stream, partial, args.loss,
         parts);
}

template <class T>
void cross_entropy_backward(const CrossEntropyBackwardArgs<T>& args, Stream& stream) {
  const Index parts = args.class_weight ? parts_of(args.rows) : 0;
  double* partial = gpu_stream(stream).template scratch<double>(0, std::max<Index>(1, parts));
  launch("cross_entropy_backward weight", cross_entropy_weight_kernel<T>,
         {grid_of(parts), kThreads}, stream, args.target, args.class_weight, partial, args.rows);
  launch("cross_entropy_backward", cross_entropy_backward_kernel<T>,
         {grid_of(std::min(kMostBlocks, blocks_of<Index>(args.rows * args.classes, kThreads))),
          kThreads},
         stream, args.dloss, args.target, args.class_weight, args.log_probability, partial, args.dx,
         parts, args.rows, args.classes);
}

OFER_INSTANTIATE_GPU(cross_entropy, CrossEntropyArgs)
OFER_INSTANTIATE_GPU_BF16(cross_entropy, CrossEntropyArgs)
OFER_INSTANTIATE_GPU(cross_entropy_backward, CrossEntropyBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(cross_entropy_backward, CrossEntropyBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
