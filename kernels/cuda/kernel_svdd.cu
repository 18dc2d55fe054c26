// Distances of a Gaussian kernel SVDD on a GPU. Squared distances are sums of squared differences:
// |z|^2 + |x|^2 - 2 <z, x> would lose the small ones, which weigh most. So the work is a tiled
// product with (z - x)^2 in the place of z x.
#include <algorithm>

#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

// A block's tile: 32 rows of z against 64 support vectors (or, backwards, 64 columns), 32 terms of
// the sum at a time; 8 x 16 threads of 4 x 4 results each. 32 rows, and not 64, so that the 196
// rows of one image still give enough blocks.
constexpr int kRows = 32;
constexpr int kColumns = 64;
constexpr int kDepth = 32;
constexpr int kPer = 4;  // results of a thread along each side
constexpr int kAcross = kColumns / kPer;
constexpr int kThreads = kRows / kPer * kAcross;
// Lines of the tiles in shared memory: a multiple of 4 for vector loads, not of 32 for the banks.
constexpr int kRowPitch = kRows + 4;
constexpr int kColumnPitch = kColumns + 4;
constexpr int kSharedBytes = kDepth * (kRowPitch + kColumnPitch) * static_cast<int>(sizeof(float));

// Rows that share a set of support vectors: row r of group g is row g * group_step + r * row_step
// of z. One set: one group. By position: a group for each position, one row of every image in it.
struct Groups {
  Index count, rows, group_step, row_step;
};

Groups groups_of(Index batch, Index positions, bool by_position) {
  return by_position ? Groups{positions, batch, 1, positions} : Groups{1, batch * positions, 0, 1};
}

// tile[k * pitch + i] = x[row_of(i), first + k] for i < count, k < kDepth; 0 outside. Neighbouring
// threads read neighbouring k.
template <int kCount, class T, class RowOf>
__device__ __forceinline__ void load_transposed(Global<const T> x, Shared<float> tile, int pitch,
                                                Index first, Index width, Index count,
                                                const RowOf& row_of) {
  for (int e = threadIdx.x; e < kCount * kDepth; e += kThreads) {
    const int k = e % kDepth, i = e / kDepth;
    float value = 0;
    if (i < count && first + k < width) value = x[row_of(i) * width + first + k];
    tile[k * pitch + i] = value;
  }
}

// c = alpha_j exp(-gamma |z_r - x_j|^2) for a tile of rows r and support vectors j of one group.
// With `coefficient` each c is stored, [row, S]; else their sum over the tile's j, partial [row,
// tiles]. Block: group, row tile, support tile, the last one fastest. Thread: rows 4 (t / 16) ..,
// support vectors 4 (t % 16) ..; the 16 threads of a row lie in half a warp.
template <class T>
__global__ void __launch_bounds__(kThreads)
    gaussian_kernel(Global<const T> z, Global<const T> support, Global<const T> alpha,
                    Global<float> coefficient, Global<float> partial, Groups groups, Index width,
                    Index supports, float gamma) {
  OFER_SHARED_DYNAMIC(float, row_tile, 0, kDepth* kRowPitch);
  OFER_SHARED_DYNAMIC(float, column_tile, kDepth* kRowPitch * sizeof(float), kDepth * kColumnPitch);
  const Index tiles = blocks_of<Index>(supports, kColumns);
  const Index row_tiles = blocks_of<Index>(groups.rows, kRows);
  const Index tile = blockIdx.x % tiles;
  const Index group = blockIdx.x / tiles / row_tiles;
  const Index first_row = blockIdx.x / tiles % row_tiles * kRows, first_support = tile * kColumns;
  const auto row = [&](Index r) {
    return group * groups.group_step + (first_row + r) * groups.row_step;
  };
  const auto vector = [&](Index j) { return group * supports + first_support + j; };
  const int r0 = threadIdx.x / kAcross * kPer, j0 = threadIdx.x % kAcross * kPer;

  float square[kPer][kPer] = {};
  for (Index first = 0; first < width; first += kDepth) {
    load_transposed<kRows>(z, row_tile, kRowPitch, first, width, groups.rows - first_row, row);
    load_transposed<kColumns>(support, column_tile, kColumnPitch, first, width,
                              supports - first_support, vector);
    __syncthreads();
#pragma unroll 8
    for (int k = 0; k < kDepth; ++k) {
      const Vector<float, kPer> a = load_vector<kPer>(row_tile, k * kRowPitch + r0);
      const Vector<float, kPer> b = load_vector<kPer>(column_tile, k * kColumnPitch + j0);
      for (int i = 0; i < kPer; ++i)
        for (int j = 0; j < kPer; ++j) square[i][j] += (a[i] - b[j]) * (a[i] - b[j]);
    }
    __syncthreads();
  }

  for (int i = 0; i < kPer; ++i) {
    const bool row_exists = first_row + r0 + i < groups.rows;
    float sum = 0;
    for (int j = 0; j < kPer; ++j) {
      if (!row_exists || first_support + j0 + j >= supports) continue;
      const float c = static_cast<float>(alpha[vector(j0 + j)]) * expf(-gamma * square[i][j]);
      if (coefficient) coefficient[row(r0 + i) * supports + first_support + j0 + j] = c;
      sum += c;
    }
    for (int lane_mask = kAcross / 2; lane_mask > 0; lane_mask /= 2)
      sum += __shfl_xor_sync(kAllLanes, sum, lane_mask);
    if (partial && row_exists && j0 == 0) partial[row(r0 + i) * tiles + tile] = sum;
  }
}

constexpr int kFinishThreads = 128;

// distance = 1 - 2 (sum of the parts) + constant, one thread for a row.
template <class T>
__global__ void __launch_bounds__(kFinishThreads)
    kernel_svdd_kernel(Global<const float> partial, Global<const T> constant, Global<T> distance,
                       Index rows, Index positions, Index tiles, bool by_position) {
  const Index r = static_cast<Index>(blockIdx.x) * kFinishThreads + threadIdx.x;
  if (r >= rows) return;
  double sum = 0;
  for (Index t = 0; t < tiles; ++t) sum += static_cast<double>(partial[r * tiles + t]);
  const float last = constant[by_position ? r % positions : 0];
  distance[r] = T(static_cast<float>(1.0 - 2.0 * sum + static_cast<double>(last)));
}

// constant[set] = sum_j alpha_j (sum of j's parts), one block for a set.
template <class T>
__global__ void __launch_bounds__(kFinishThreads)
    kernel_svdd_constant_kernel(Global<const float> partial, Global<const T> alpha,
                                Global<T> constant, Index supports, Index tiles) {
  const Index first = static_cast<Index>(blockIdx.x) * supports;
  double sum = 0;
  for (Index j = threadIdx.x; j < supports; j += kFinishThreads) {
    double row = 0;
    for (Index t = 0; t < tiles; ++t) row += static_cast<double>(partial[(first + j) * tiles + t]);
    sum += static_cast<double>(static_cast<float>(alpha[first + j])) * row;
  }
  sum = block_sum<kFinishThreads>(sum);
  if (threadIdx.x == 0) constant[blockIdx.x] = T(static_cast<float>(sum));
}

// dz = scale ddistance sum_j c_j (z - x_j), scale = 4 gamma, for a tile of rows and 64 columns, 32
// support vectors at a time. The difference comes first here too.
template <class T>
__global__ void __launch_bounds__(kThreads)
    kernel_svdd_backward_kernel(Global<const T> ddistance, Global<const T> z,
                                Global<const T> support, Global<const float> coefficient,
                                Global<T> dz, Groups groups, Index width, Index supports,
                                float scale) {
  OFER_SHARED_DYNAMIC(float, row_tile, 0, kDepth* kRowPitch);
  OFER_SHARED_DYNAMIC(float, column_tile, kDepth* kRowPitch * sizeof(float), kDepth * kColumnPitch);
  const Index tiles = blocks_of<Index>(width, kColumns);
  const Index row_tiles = blocks_of<Index>(groups.rows, kRows);
  const Index group = blockIdx.x / tiles / row_tiles;
  const Index first_row = blockIdx.x / tiles % row_tiles * kRows;
  const Index first_column = blockIdx.x % tiles * kColumns;
  const auto row = [&](Index r) {
    return group * groups.group_step + (first_row + r) * groups.row_step;
  };
  const int r0 = threadIdx.x / kAcross * kPer, i0 = threadIdx.x % kAcross * kPer;

  float own[kPer][kPer] = {};
  for (int r = 0; r < kPer; ++r)
    for (int i = 0; i < kPer; ++i)
      if (first_row + r0 + r < groups.rows && first_column + i0 + i < width)
        own[r][i] = z[row(r0 + r) * width + first_column + i0 + i];
  float sum[kPer][kPer] = {};
  for (Index first = 0; first < supports; first += kDepth) {
    load_transposed<kRows>(coefficient, row_tile, kRowPitch, first, supports,
                           groups.rows - first_row, row);
    for (int e = threadIdx.x; e < kDepth * kColumns; e += kThreads) {
      const int j = e / kColumns, i = e % kColumns;
      float value = 0;
      if (first + j < supports && first_column + i < width)
        value = support[(group * supports + first + j) * width + first_column + i];
      column_tile[j * kColumnPitch + i] = value;
    }
    __syncthreads();
#pragma unroll 8
    for (int j = 0; j < kDepth; ++j) {
      const Vector<float, kPer> c = load_vector<kPer>(row_tile, j * kRowPitch + r0);
      const Vector<float, kPer> x = load_vector<kPer>(column_tile, j * kColumnPitch + i0);
      for (int r = 0; r < kPer; ++r)
        for (int i = 0; i < kPer; ++i) sum[r][i] += c[r] * (own[r][i] - x[i]);
    }
    __syncthreads();
  }
  for (int r = 0; r < kPer; ++r) {
    if (first_row + r0 + r >= groups.rows) continue;
    const float up = scale * static_cast<float>(ddistance[row(r0 + r)]);
    for (int i = 0; i < kPer; ++i)
      if (first_column + i0 + i < width)
        dz[row(r0 + r) * width + first_column + i0 + i] = T(up * sum[r][i]);
  }
}

template <class T>
void launch_gaussian(const T* z, const T* support, const T* alpha, float* coefficient,
                     float* partial, const Groups& groups, Index width, Index supports,
                     double gamma, Stream& stream) {
  const Index blocks =
      groups.count * blocks_of<Index>(groups.rows, kRows) * blocks_of<Index>(supports, kColumns);
  launch("kernel_svdd gaussian", gaussian_kernel<T>, {grid_of(blocks), kThreads, kSharedBytes},
         stream, z, support, alpha, coefficient, partial, groups, width, supports, gamma);
}

}  // namespace

template <class T>
void kernel_svdd(const KernelSvddArgs<T>& args, Stream& stream) {
  const Index rows = args.batch * args.positions;
  const Index tiles = blocks_of<Index>(args.supports, kColumns);
  float* partial = gpu_stream(stream).template scratch<float>(0, rows * tiles + 1);
  launch_gaussian<T>(args.z, args.support, args.alpha, nullptr, partial,
                     groups_of(args.batch, args.positions, args.by_position), args.width,
                     args.supports, args.gamma, stream);
  launch("kernel_svdd", kernel_svdd_kernel<T>,
         {grid_of(blocks_of<Index>(rows, kFinishThreads)), kFinishThreads}, stream, partial,
         args.constant, args.distance, rows, args.positions, tiles, args.by_position);
}

template <class T>
void kernel_svdd_backward(const KernelSvddBackwardArgs<T>& args, Stream& stream) {
  const Groups groups = groups_of(args.batch, args.positions, args.by_position);
  float* coefficient = gpu_stream(stream).template scratch<float>(
      0, args.batch * args.positions * args.supports + 1);
  launch_gaussian<T>(args.z, args.support, args.alpha, coefficient, nullptr, groups, args.width,
                     args.supports, args.gamma, stream);
  const Index blocks =
      groups.count * blocks_of<Index>(groups.rows, kRows) * blocks_of<Index>(args.width, kColumns);
  launch("kernel_svdd_backward", kernel_svdd_backward_kernel<T>,
         {grid_of(blocks), kThreads, kSharedBytes}, stream, args.ddistance, args.z, args.support,
         coefficient, args.dz, groups, args.width, args.supports, 4 * args.gamma);
}

// Runs once, when a model is opened: the symmetry of K is left unused.
template <class T>
void kernel_svdd_constant(const KernelSvddConstantArgs<T>& args, Stream& stream) {
  const Index tiles = blocks_of<Index>(args.supports, kColumns);
  float* partial =
      gpu_stream(stream).template scratch<float>(0, args.sets * args.supports * tiles + 1);
  launch_gaussian<T>(args.support, args.support, args.alpha, nullptr, partial,
                     {args.sets, args.supports, args.supports, 1}, args.width, args.supports,
                     args.gamma, stream);
  launch("kernel_svdd_constant", kernel_svdd_constant_kernel<T>,
         {grid_of(args.sets), kFinishThreads}, stream, partial, args.alpha, args.constant,
         args.supports, tiles);
}

OFER_INSTANTIATE_GPU(kernel_svdd, KernelSvddArgs)
OFER_INSTANTIATE_GPU_BF16(kernel_svdd, KernelSvddArgs)
OFER_INSTANTIATE_GPU(kernel_svdd_backward, KernelSvddBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(kernel_svdd_backward, KernelSvddBackwardArgs)
OFER_INSTANTIATE_GPU(kernel_svdd_constant, KernelSvddConstantArgs)
OFER_INSTANTIATE_GPU_BF16(kernel_svdd_constant, KernelSvddConstantArgs)

}  // namespace ofer::kernels::OFER_GPU
