// Convolution, variant 3: a matrix product in tiles of shared memory.
//
// Y = W X, with a row of W for each output channel, a column of X for each position of each image,
// and the terms (c, i, j) along the depth. X has each element of x up to kernel_h kernel_w times.
// It is never written ("implicit"): a thread that loads an element of it works out where in x that
// lies.
//
// Against variant 2, for the U-Net's level 2 (256 channels, 4,096 positions, 4,096 terms):
// - A block of 16 x 16 threads owns 16 channels at 16 positions. A step loads 16 terms of each, one
//   weight and one x for each thread, and does 16 multiply-adds a thread with them: a float from
//   the caches serves 16 of them. 34 GB become 2.1.
// - The rest comes from shared memory, still two loads for each multiply-add, so the bound of an
//   eighth of the multipliers stands (variant 1). The compiler may take four of a row's weights at
//   once.
// - The bounds of an element are tested, and its activation is taken, once for 16 multiply-adds.
// What it pays: two barriers for 16 steps; two divisions for an element of X.
#include "bench/variants/conv2d_sizes.cuh"

namespace ofer::kernels::OFER_GPU::variants {

namespace {

constexpr int kTile = 16;
constexpr int kThreads = kTile * kTile;

// Block: tile of columns, tile of channels, the last one fastest: those that run together gather
// the same x. Thread (ty, tx): loads the weight (channel ty, term tx), whose neighbours are
// neighbours in memory, and the element (term ty, column tx) of X; has the result (channel ty,
// column tx).
__global__ void __launch_bounds__(kThreads)
    conv2d_kernel(Global<const float> x, Global<const float> weight, Global<const float> bias,
                  Global<float> y, ConvSizes s, Index columns, int channel_tiles) {
  OFER_SHARED(float, left, kThreads);   // [channel][term]
  OFER_SHARED(float, right, kThreads);  // [term][column]
  const int tx = threadIdx.x % kTile, ty = threadIdx.x / kTile;
  const int o = static_cast<int>(blockIdx.x % channel_tiles) * kTile + ty;
  const Index column = blockIdx.x / channel_tiles * kTile + tx;
  const bool has_channel = o < s.out_channels, has_column = column < columns;
  const Index image = column / s.positions();
  const int position = static_cast<int>(column % s.positions());
  const ConvWindow window(s, position);

  const int depth = s.depth();
  float sum = 0;
  for (int first = 0; first < depth; first += kTile) {
    __syncthreads();  // the tiles of before have been used
    left[threadIdx.x] = has_channel && first + tx < depth
                            ? weight[static_cast<Index>(o) * depth + first + tx]
                            : 0.0f;
    right[threadIdx.x] = has_column && first + ty < depth
                             ? conv_input(x, image * s.image_size(), s, window, first + ty)
                             : 0.0f;
    __syncthreads();
#pragma unroll
    for (int k = 0; k < kTile; ++k) sum += left[ty * kTile + k] * right[k * kTile + tx];
  }
  if (has_channel && has_column)
    y[(image * s.out_channels + o) * s.positions() + position] = bias ? sum + bias[o] : sum;
}

}  // namespace

void conv2d_3_tiled_product(const Conv2dArgs<float>& args, Stream& stream) {
  const ConvSizes s(args);
  const Index columns = args.geometry.batch * s.positions();
  const int channel_tiles = blocks_of(s.out_channels, kTile);
  launch("conv2d variant 3", conv2d_kernel,
         {grid_of(blocks_of<Index>(columns, kTile) * channel_tiles), kThreads}, stream, args.x,
         args.weight, args.bias, args.y, s, columns, channel_tiles);
}

}  // namespace ofer::kernels::OFER_GPU::variants
