// Convolution, variant 4: the product of variant 3, with 4 x 4 results in a thread's registers.
//
// Against variant 3:
// - A step of the depth loads four weights and four x from shared memory, each four as one vector,
//   for 16 multiply-adds: two loads where there were 32. A warp's 16 multiply-adds take a
//   multiprocessor four turns, its two vectors (32 different bytes and 256, at 128 a turn) three:
//   the multipliers are what bounds it now.
// - A block of 256 threads owns 64 channels at 64 positions, so a float from the caches serves 64
//   multiply-adds, not 16: 0.5 GB for an image of the U-Net's level 2 where there were 2.1.
// - 16 sums are 16 chains that do not wait for each other.
// What it pays: 16 times fewer threads. 256 channels at 4,096 positions are 256 blocks, two for
// each of 132 multiprocessors; maps of 8 x 8 and less leave most of a GPU empty.
//
// Beyond it the production kernel (kernels/cuda/conv2d.cu, conv_product.cuh, conv_products.cu)
// - has 8 x 8 results a thread, 64 multiply-adds for 16 numbers, and smaller or narrower tiles for
//   few channels or few positions;
// - splits the depth of small maps among blocks, so that they fill the device all the same;
// - keeps two stages: the next tile is on its way while this one is multiplied, one barrier a step;
// - takes the address of an element from two small tables instead of divisions (conv_gather.cuh);
// - stores vectors, and multiplies on tensor cores in tf32 and bf16 (conv_tensor_tile.cuh).
#include "bench/variants/conv2d_sizes.cuh"

namespace ofer::kernels::OFER_GPU::variants {

namespace {

constexpr int kTile = 64;   // channels and columns of a block
constexpr int kDepth = 16;  // terms of a step
constexpr int kMine = 4;    // channels and columns of a thread
constexpr int kAcross = kTile / kMine;
constexpr int kThreads = kAcross * kAcross;
// Distance between the terms of a tile. The four floats more keep vectors aligned and spread the
// stores of weights, whose neighbours go to different terms, over the banks.
constexpr int kLine = kTile + 4;

// Block: tile of columns, tile of channels, the last one fastest. Thread (ty, tx): channels from
// 4 ty, columns from 4 tx on; it loads weights of term t % 16 and elements of column t % 64, so
// that neighbours read neighbours in memory.
__global__ void __launch_bounds__(kThreads)
    conv2d_kernel(Global<const float> x, Global<const float> weight, Global<const float> bias,
                  Global<float> y, ConvSizes s, Index columns, int channel_tiles) {
  OFER_SHARED(float, left, kDepth * kLine);   // [term][channel]
  OFER_SHARED(float, right, kDepth * kLine);  // [term][column]
  const int t = threadIdx.x, tx = t % kAcross, ty = t / kAcross;
  const int first_channel = static_cast<int>(blockIdx.x % channel_tiles) * kTile;
  const Index first_column = blockIdx.x / channel_tiles * kTile;
  const int depth = s.depth();

  const Index loaded = first_column + t % kTile;
  const ConvWindow window(s, static_cast<int>(loaded % s.positions()));
  const Index image = loaded / s.positions() * s.image_size();

  float sums[kMine][kMine] = {};
  for (int first = 0; first < depth; first += kDepth) {
    __syncthreads();  // the tiles of before have been used
    for (int row = t / kDepth; row < kTile; row += kThreads / kDepth) {
      const int k = t % kDepth, o = first_channel + row;
      left[k * kLine + row] = o < s.out_channels && first + k < depth
                                  ? weight[static_cast<Index>(o) * depth + first + k]
                                  : 0.0f;
    }
    for (int k = t / kTile; k < kDepth; k += kThreads / kTile)
      right[k * kLine + t % kTile] =
          loaded < columns && first + k < depth ? conv_input(x, image, s, window, first + k) : 0.0f;
    __syncthreads();
#pragma unroll
    for (int k = 0; k < kDepth; ++k) {
      const Vector<float, kMine> a = load_vector<kMine>(left, k * kLine + ty * kMine),
                                 b = load_vector<kMine>(right, k * kLine + tx * kMine);
#pragma unroll
      for (int i = 0; i < kMine; ++i)
#pragma unroll
        for (int j = 0; j < kMine; ++j) sums[i][j] += a[i] * b[j];
    }
  }

#pragma unroll
  for (int j = 0; j < kMine; ++j) {
    const Index column = first_column + tx * kMine + j;
    if (column >= columns) continue;
    const Index n = column / s.positions(), position = column % s.positions();
#pragma unroll
    for (int i = 0; i < kMine; ++i) {
      const int o = first_channel + ty * kMine + i;
      if (o < s.out_channels)
        y[(n * s.out_channels + o) * s.positions() + position] =
            bias ? sums[i][j] + bias[o] : sums[i][j];
    }
  }
}

}  // namespace

void conv2d_4_register_tile(const Conv2dArgs<float>& args, Stream& stream) {
  const ConvSizes s(args);
  const Index columns = args.geometry.batch * s.positions();
  const int channel_tiles = blocks_of(s.out_channels, kTile);
  launch("conv2d variant 4", conv2d_kernel,
         {grid_of(blocks_of<Index>(columns, kTile) * channel_tiles), kThreads}, stream, args.x,
         args.weight, args.bias, args.y, s, columns, channel_tiles);
}

}  // namespace ofer::kernels::OFER_GPU::variants
