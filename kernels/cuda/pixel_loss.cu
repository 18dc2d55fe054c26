// Mean absolute and mean square difference, weighted or not, on a GPU. Bound by memory: every
// element is read once, in 16-byte loads where the alignment allows.
#include <algorithm>

#include "kernels/cuda/load_floats.cuh"
#include "kernels/cuda/long_sum.cuh"
#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

constexpr int kThreads = kSumThreads;

// partial[b] = sum of w |d| or w d^2, d = x - t, and partial[blocks + b] = sum of w, over block b's
// groups of neighbours. Thread i of the grid takes groups i, i + threads, ...; a group's few terms
// are added in float. With a null x only the weights are summed.
template <bool kAligned, class T>
__global__ void __launch_bounds__(kThreads)
    pixel_loss_parts_kernel(Global<const T> x, Global<const T> target, Global<const T> weight,
                            Global<double> partial, Index count, PixelLoss function) {
  constexpr int N = kVectorOf<T>;
  const Index groups = blocks_of<Index>(count, N);
  const Index step = static_cast<Index>(gridDim.x) * kThreads;
  double sum = 0, weights = 0;
  for (Index g = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; g < groups; g += step) {
    const Index at = g * N, room = count - at;
    Vector<float, N> w;
    for (int k = 0; k < N; ++k) w[k] = 1;
    if (weight) {
      w = load_floats<N, T>(weight, at, room, kAligned);
      float here = 0;
      for (int k = 0; k < N; ++k) here += w[k];
      weights += static_cast<double>(here);
    }
    if (x) {
      const Vector<float, N> a = load_floats<N, T>(x, at, room, kAligned);
      const Vector<float, N> b = load_floats<N, T>(target, at, room, kAligned);
      float here = 0;
      for (int k = 0; k < N; ++k) {
        const float d = a[k] - b[k];
        here += w[k] * (function == PixelLoss::kL1 ? fabsf(d) : d * d);
      }
      sum += static_cast<double>(here);
    }
  }
  sum = block_sum<kThreads>(sum);
  weights = block_sum<kThreads>(weights);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = sum;
    partial[gridDim.x + blockIdx.x] = weights;
  }
}

// One block adds the parts.
template <class T>
__global__ void __launch_bounds__(kThreads)
    pixel_loss_kernel(Global<const double> partial, Global<T> loss, int parts, Index count,
                      bool weighted) {
  const double total = sum_of_parts<kThreads>(partial, parts);
  const double weights = sum_of_parts<kThreads>(partial + parts, parts);
  const double by = weighted ? weights : static_cast<double>(count);
  if (threadIdx.x == 0) loss[0] = T(by == 0 ? 0.0f : static_cast<float>(total / by));
}

// dx = dloss / (what the mean divides by) w sign(d), or w 2 d. Every block adds the weights' parts
// for itself, which spares a launch.
template <bool kAligned, class T>
__global__ void __launch_bounds__(kThreads)
    pixel_loss_backward_kernel(Global<const T> dloss, Global<const T> x, Global<const T> target,
                               Global<const T> weight, Global<const double> partial, Global<T> dx,
                               int parts, Index count, PixelLoss function) {
  constexpr int N = kVectorOf<T>;
  const double by =
      weight ? sum_of_parts<kThreads>(partial + parts, parts) : static_cast<double>(count);
  const double up = static_cast<double>(static_cast<float>(dloss[0]));
  const float scale = by == 0 ? 0.0f : static_cast<float>(up / by);
  const Index groups = blocks_of<Index>(count, N);
  const Index step = static_cast<Index>(gridDim.x) * kThreads;
  for (Index g = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; g < groups; g += step) {
    const Index at = g * N, room = count - at;
    const Vector<float, N> a = load_floats<N, T>(x, at, room, kAligned);
    const Vector<float, N> b = load_floats<N, T>(target, at, room, kAligned);
    Vector<float, N> w;
    for (int k = 0; k < N; ++k) w[k] = 1;
    if (weight) w = load_floats<N, T>(weight, at, room, kAligned);
    Vector<float, N> result;
    for (int k = 0; k < N; ++k) {
      const float d = a[k] - b[k];
      const float sign = d < 0 ? -1.0f : (d > 0 ? 1.0f : 0.0f);
      result[k] = scale * (w[k] * (function == PixelLoss::kL1 ? sign : 2 * d));
    }
    store_floats<N, T>(dx, at, room, kAligned, result);
  }
}

template <class T>
void launch_parts(const T* x, const T* target, const T* weight, double* partial, Index parts,
                  Index count, PixelLoss function, bool aligned, Stream& stream) {
  launch("pixel_loss parts",
         aligned ? pixel_loss_parts_kernel<true, T> : pixel_loss_parts_kernel<false, T>,
         {grid_of(parts), kThreads}, stream, x, target, weight, partial, count, function);
}

// A null pointer is aligned for everything.
template <class... Pointer>
bool all_aligned(const Pointer*... pointer) {
  return (aligned_for<kVectorOf<Pointer>>(pointer) && ...);
}

}  // namespace

template <class T>
void pixel_loss(const PixelLossArgs<T>& args, Stream& stream) {
  const Index parts = parts_of(blocks_of<Index>(args.count, kVectorOf<T>));
  double* partial = gpu_stream(stream).template scratch<double>(0, 2 * std::max<Index>(1, parts));
  launch_parts(args.x, args.target, args.weight, partial, parts, args.count, args.function,
               all_aligned(args.x, args.target, args.weight), stream);
  launch("pixel_loss", pixel_loss_kernel<T>, {1, kThreads}, stream, partial, args.loss, parts,
         args.count, args.weight != nullptr);
}

template <class T>
void pixel_loss_backward(const PixelLossBackwardArgs<T>& args, Stream& stream) {
  const Index groups = blocks_of<Index>(args.count, kVectorOf<T>);
  const Index parts = args.weight ? parts_of(groups) : 0;
  const bool aligned = all_aligned(args.x, args.target, args.weight, args.dx);
  double* partial = gpu_stream(stream).template scratch<double>(0, 2 * std::max<Index>(1, parts));
  launch_parts<T>(nullptr, nullptr, args.weight, partial, parts, args.count, args.function, aligned,
                  stream);
  // As many blocks as the weights have parts: more would read the parts more often than x.
  const Index blocks =
      args.weight ? parts : std::min(kMostBlocks, blocks_of<Index>(groups, kThreads));
  launch("pixel_loss_backward",
         aligned ? pixel_loss_backward_kernel<true, T> : pixel_loss_backward_kernel<false, T>,
         {grid_of(blocks), kThreads}, stream, args.dloss, args.x, args.target, args.weight, partial,
         args.dx, parts, args.count, args.function);
}

OFER_INSTANTIATE_GPU(pixel_loss, PixelLossArgs)
OFER_INSTANTIATE_GPU_BF16(pixel_loss, PixelLossArgs)
OFER_INSTANTIATE_GPU(pixel_loss_backward, PixelLossBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(pixel_loss_backward, PixelLossBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
