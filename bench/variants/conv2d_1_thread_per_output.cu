// Convolution, variant 1: one thread for an output, as the formula reads.
//
// The U-Net's convolution down in level 2: 256 channels of 128 x 128 to 256 of 64 x 64, kernel
// 4 x 4, stride and dilation 2. 256 x 64 x 64 outputs of 4,096 terms: 4.3 G multiply-adds, 8.6 GF
// an image. It has to move 4.2 MB of x (the odd rows and columns are all that it reads), 4.2 MB of
// weights and 4.2 MB of y: 680 operations for a byte, so arithmetic should bound it.
//
// What bounds it instead: every multiply-add loads its own two floats, 8 bytes, through the caches.
// 4.3 G times 8 bytes are 34 GB for 12.6 MB of data. A multiprocessor loads for 32 lanes in the
// time in which it multiplies for 128, so with two loads each at most an eighth of its multipliers
// work, and less: the address and the bounds of each term are integer arithmetic besides.
// What is right: neighbouring threads have neighbouring outputs of one channel, so a warp reads x
// in few sectors (at stride 2 half of each), one weight for all lanes, and writes y in whole ones.
#include "bench/variants/conv2d_sizes.cuh"

namespace ofer::kernels::OFER_GPU::variants {

namespace {

constexpr int kThreads = 256;

// y[n, o, p, q] = b[o] + sum over (c, i, j) of W[o, c, i, j] act(x[n, c, ...]). One thread for
// each.
__global__ void __launch_bounds__(kThreads)
    conv2d_kernel(Global<const float> x, Global<const float> weight, Global<const float> bias,
                  Global<float> y, Index outputs, ConvSizes s) {
  const Index number = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
  if (number >= outputs) return;
  const int o = static_cast<int>(number / s.positions() % s.out_channels);
  const Index image = number / s.positions() / s.out_channels * s.image_size();
  const ConvWindow window(s, static_cast<int>(number % s.positions()));

  Index w = static_cast<Index>(o) * s.depth();
  float sum = 0;
  for (int c = 0; c < s.in_channels; ++c)
    for (int i = 0; i < s.kernel_h; ++i)
      for (int j = 0; j < s.kernel_w; ++j, ++w)
        sum += weight[w] * conv_input(x, image, s, window, c, i, j);
  y[number] = bias ? sum + bias[o] : sum;
}

}  // namespace

void conv2d_1_thread_per_output(const Conv2dArgs<float>& args, Stream& stream) {
  const ConvSizes s(args);
  const Index outputs = args.geometry.batch * s.out_channels * s.positions();
  launch("conv2d variant 1", conv2d_kernel,
         {grid_of(blocks_of<Index>(outputs, kThreads)), kThreads}, stream, args.x, args.weight,
         args.bias, args.y, outputs, s);
}

}  // namespace ofer::kernels::OFER_GPU::variants
