// Grad-CAM and Grad-CAM++ maps on a GPU.
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

constexpr int kWeightThreads = 256;
constexpr int kPlanesPerBlock = kWeightThreads / kWarpSize;

// weight[n, k] from the plane k of image n: one warp for a plane, its lanes share out the
// positions. Grad-CAM++'s alpha g, g > 0, is written g / (2 + S g), S the sum of the activations:
// the same value without g^3, which a float may not hold.
template <class T>
__global__ void __launch_bounds__(kWeightThreads)
    channel_weight_kernel(Global<const T> a, Global<const T> g, Global<float> weight, Index planes,
                          Index positions, bool plus_plus) {
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  const Index plane = static_cast<Index>(blockIdx.x) * kPlanesPerBlock + warp;
  if (plane >= planes) return;
  const Index first = plane * positions;
  float activations = 0, sum = 0;
  if (plus_plus) {
    for (Index i = lane; i < positions; i += kWarpSize)
      activations += static_cast<float>(a[first + i]);
    activations = warp_sum(activations);
  }
  for (Index i = lane; i < positions; i += kWarpSize) {
    const float gradient = g[first + i];
    if (!plus_plus) {
      sum += gradient;
    } else {
      const float below = 2 + activations * gradient;
      sum += gradient > 0 && below != 0 ? gradient / below : 0.0f;
    }
  }
  sum = warp_sum(sum);
  if (lane == 0) weight[plane] = plus_plus ? sum : sum / static_cast<float>(positions);
}

// A block's 64 x 8 threads: 64 neighbouring positions (coalesced; 7 x 7 maps fit), and 8 slices of
// the channels, so that the loop over the channels is short.
constexpr int kPlaces = 64;
constexpr int kSlices = 8;
constexpr int kMapThreads = kPlaces * kSlices;

// One block for an image: map = relu(sum_k w_k a_k) for 64 positions after the other, slice s
// taking the channels s, s + 8, ...; then the whole map to [0, 1]. Between the two it lies in
// `raw` [images, positions] as floats: what is close to the lowest value would lose its digits.
template <class T>
__global__ void __launch_bounds__(kMapThreads)
    grad_cam_kernel(Global<const T> a, Global<const float> weight, Global<float> raw, Global<T> map,
                    Index channels, Index positions) {
  OFER_SHARED(float, partial, kMapThreads);
  const int place = threadIdx.x % kPlaces, slice = threadIdx.x / kPlaces;
  const Index image = blockIdx.x, first = image * positions;
  float lowest = INFINITY, highest = -INFINITY;
  for (Index begin = 0; begin < positions; begin += kPlaces) {
    const Index i = begin + place;
    float sum = 0;
    if (i < positions)
      for (Index k = image * channels + slice; k < (image + 1) * channels; k += kSlices)
        sum += static_cast<float>(weight[k]) * static_cast<float>(a[k * positions + i]);
    partial[threadIdx.x] = sum;
    __syncthreads();
    if (slice == 0 && i < positions) {
      sum = 0;
      for (int s = 0; s < kSlices; ++s) sum += partial[s * kPlaces + place];
      sum = sum < 0 ? 0.0f : sum;  // NaN passes
      raw[first + i] = sum;
      lowest = fminf(lowest, sum);
      highest = fmaxf(highest, sum);
    }
    __syncthreads();
  }
  lowest = -block_max<kMapThreads>(-lowest);
  highest = block_max<kMapThreads>(highest);
  const float span = highest - lowest;
  for (Index i = threadIdx.x; i < positions; i += kMapThreads)
    map[first + i] = T(span == 0 ? 0.0f : (raw[first + i] - lowest) / span);
}

}  // namespace

template <class T>
void grad_cam(const GradCamArgs<T>& args, Stream& stream) {
  if (args.batch == 0 || args.positions == 0) return;
  const Index planes = args.batch * args.channels;
  float* weight = gpu_stream(stream).template scratch<float>(0, planes + 1);
  float* raw = gpu_stream(stream).template scratch<float>(1, args.batch * args.positions);
  launch("grad_cam weights", channel_weight_kernel<T>,
         {grid_of(blocks_of<Index>(planes, kPlanesPerBlock)), kWeightThreads}, stream, args.a,
         args.g, weight, planes, args.positions, args.plus_plus);
  launch("grad_cam", grad_cam_kernel<T>, {grid_of(args.batch), kMapThreads}, stream, args.a, weight,
         raw, args.map, args.channels, args.positions);
}

OFER_INSTANTIATE_GPU(grad_cam, GradCamArgs)
OFER_INSTANTIATE_GPU_BF16(grad_cam, GradCamArgs)

}  // namespace ofer::kernels::OFER_GPU
