// Convolution, variant 2: a block has one output channel, and its weights in shared memory.
//
// Against variant 1 (4,096 weights a channel in the U-Net's level 2):
// - The 256 threads of a block multiply by the same weights. Each is loaded once by one of them, 32
//   neighbours in one instruction, where each of eight warps asked for it alone: 128 loads of a
//   warp instead of 8 x 4,096 for a block. Half of variant 1's loads leave the first-level cache.
// - A load of shared memory cannot miss. 1,024 weights at a time are 4 KB, whatever the depth.
// What to expect: less than half. The lanes of a warp read one weight between them, which the cache
// answers in one go, and the other half, x, is as it was: 4.3 G floats, 17 GB for an image. A
// thread still loads two numbers for each multiply-add.
#include "bench/variants/conv2d_sizes.cuh"

namespace ofer::kernels::OFER_GPU::variants {

namespace {

constexpr int kThreads = 256;
constexpr int kPiece = 1024;  // weights in shared memory at a time

// Block: image, output channel, 256 positions, the last one fastest. Thread: one position.
__global__ void __launch_bounds__(kThreads)
    conv2d_kernel(Global<const float> x, Global<const float> weight, Global<const float> bias,
                  Global<float> y, ConvSizes s, int position_tiles) {
  OFER_SHARED(float, weights, kPiece);
  const int position = static_cast<int>(blockIdx.x % position_tiles) * kThreads + threadIdx.x;
  const Index plane = blockIdx.x / position_tiles;  // of y
  const int o = static_cast<int>(plane % s.out_channels);
  const Index image = plane / s.out_channels * s.image_size();
  const bool exists = position < s.positions();
  const ConvWindow window(s, position);

  const int depth = s.depth();
  int c = 0, i = 0, j = 0;  // of the next term
  float sum = 0;
  for (int first = 0; first < depth; first += kPiece) {
    const int count = min(kPiece, depth - first);
    __syncthreads();  // the piece before has been used
    for (int k = threadIdx.x; k < count; k += kThreads)
      weights[k] = weight[static_cast<Index>(o) * depth + first + k];
    __syncthreads();
    if (!exists) continue;
    for (int k = 0; k < count; ++k) {
      sum += weights[k] * conv_input(x, image, s, window, c, i, j);
      // To the next term without a division.
      if (++j < s.kernel_w) continue;
      j = 0;
      if (++i < s.kernel_h) continue;
      i = 0;
      ++c;
    }
  }
  if (exists) y[plane * s.positions() + position] = bias ? sum + bias[o] : sum;
}

}  // namespace

void conv2d_2_weights_in_shared(const Conv2dArgs<float>& args, Stream& stream) {
  const ConvSizes s(args);
  const int position_tiles = blocks_of(s.positions(), kThreads);
  launch("conv2d variant 2", conv2d_kernel,
         {grid_of(args.geometry.batch * s.out_channels * position_tiles), kThreads}, stream, args.x,
         args.weight, args.bias, args.y, s, position_tiles);
}

}  // namespace ofer::kernels::OFER_GPU::variants
