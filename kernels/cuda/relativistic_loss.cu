// Relativistic average least squares loss on a GPU.
#include <algorithm>

#include "kernels/cuda/long_sum.cuh"
#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

constexpr int kThreads = kSumThreads;

template <class T>
__device__ __forceinline__ double number(Global<const T> x, Index i) {
  return static_cast<double>(static_cast<float>(x[i]));
}

// partial[b] = sum of e, partial[blocks + b] = sum of e^2, with e = x - real[0]. The first
// `real_parts` blocks share out real, the others fake. Measured from one of the numbers the sums
// stay as small as the numbers' spread, and in double a single pass then loses nothing, however
// large their mean is.
template <class T>
__global__ void __launch_bounds__(kThreads)
    relativistic_parts_kernel(Global<const T> real, Global<const T> fake, Global<double> partial,
                              Index real_count, Index fake_count, int real_parts) {
  const int part = blockIdx.x;
  const bool first = part < real_parts;
  const Global<const T> x = first ? real : fake;
  const Index count = first ? real_count : fake_count;
  const Index parts = first ? real_parts : static_cast<Index>(gridDim.x) - real_parts;
  const double shift = real_count > 0 ? number(real, 0) : 0.0;
  double sum = 0, squares = 0;
  for (Index i = static_cast<Index>(first ? part : part - real_parts) * kThreads + threadIdx.x;
       i < count; i += parts * kThreads) {
    const double e = number(x, i) - shift;
    sum += e;
    squares += e * e;
  }
  sum = block_sum<kThreads>(sum);
  squares = block_sum<kThreads>(squares);
  if (threadIdx.x == 0) {
    partial[part] = sum;
    partial[gridDim.x + part] = squares;
  }
}

// mean of (x - c)^2 = variance + (mean - c)^2. One block.
template <class T>
__global__ void __launch_bounds__(kThreads)
    relativistic_loss_kernel(Global<const double> partial, Global<T> loss, Index real_count,
                             Index fake_count, int real_parts, int fake_parts, double margin) {
  const Global<const double> squares = partial + (real_parts + fake_parts);
  const double reals = static_cast<double>(real_count), fakes = static_cast<double>(fake_count);
  const double real = sum_of_parts<kThreads>(partial, real_parts) / reals;
  const double fake = sum_of_parts<kThreads>(partial + real_parts, fake_parts) / fakes;
  const double real_squares = sum_of_parts<kThreads>(squares, real_parts) / reals;
  const double fake_squares = sum_of_parts<kThreads>(squares + real_parts, fake_parts) / fakes;
  if (threadIdx.x != 0) return;
  // Rounding must not make a variance negative.
  const double real_rest = real_squares - real * real, fake_rest = fake_squares - fake * fake;
  const double real_variance = real_rest < 0 ? 0 : real_rest;
  const double fake_variance = fake_rest < 0 ? 0 : fake_rest;
  // Both brackets of the formula meet in the same distance of the means.
  const double gap = real - fake - margin;
  loss[0] = T(static_cast<float>((real_variance + fake_variance) / 2 + gap * gap));
}

// The loss depends on each element directly and through the other side's mean:
//   dreal_i = dloss / R [(real_i - mean f - m) - (mean f - mean r + m)], R the count of real,
//   dfake_j = dloss / F [(fake_j - mean r + m) - (mean r - mean f - m)], F the count of fake.
// The first `real_blocks` blocks write dreal, the others dfake; each adds the parts for itself.
template <class T>
__global__ void __launch_bounds__(kThreads)
    relativistic_backward_kernel(Global<const T> dloss, Global<const T> real, Global<const T> fake,
                                 Global<const double> partial, Global<T> dreal, Global<T> dfake,
                                 Index real_count, Index fake_count, int real_parts, int fake_parts,
                                 int real_blocks, double margin) {
  const double shift = real_count > 0 ? number(real, 0) : 0.0;
  const double real_mean =
      sum_of_parts<kThreads>(partial, real_parts) / static_cast<double>(real_count);
  const double fake_mean =
      sum_of_parts<kThreads>(partial + real_parts, fake_parts) / static_cast<double>(fake_count);
  const double gap = fake_mean - real_mean + margin;
  const int block = blockIdx.x;
  const bool first = block < real_blocks;
  const Global<const T> x = first ? real : fake;
  const Global<T> dx = first ? dreal : dfake;
  const Index count = first ? real_count : fake_count;
  const Index blocks = first ? real_blocks : static_cast<Index>(gridDim.x) - real_blocks;
  const double offset = shift + (first ? fake_mean + margin + gap : real_mean - margin - gap);
  const double scale = number(dloss, 0) / static_cast<double>(count);
  for (Index i = static_cast<Index>(first ? block : block - real_blocks) * kThreads + threadIdx.x;
       i < count; i += blocks * kThreads)
    dx[i] = T(static_cast<float>(scale * (number(x, i) - offset)));
}

// The parts of both sums in scratch memory, real's first.
template <class T>
double* launch_parts(const T* real, const T* fake, Index real_count, Index fake_count,
                     Index real_parts, Index fake_parts, Stream& stream) {
  double* partial = gpu_stream(stream).template scratch<double>(
      0, 2 * std::max<Index>(1, real_parts + fake_parts));
  launch("relativistic_loss parts", relativistic_parts_kernel<T>,
         {grid_of(real_parts + fake_parts), kThreads}, stream, real, fake, partial, real_count,
         fake_count, real_parts);
  return partial;
}

}  // namespace

template <class T>
void relativistic_loss(const RelativisticLossArgs<T>& args, Stream& stream) {
  const Index real_parts = parts_of(args.real_count), fake_parts = parts_of(args.fake_count);
  const double* partial = launch_parts(args.real, args.fake, args.real_count, args.fake_count,
                                       real_parts, fake_parts, stream);
  launch("relativistic_loss", relativistic_loss_kernel<T>, {1, kThreads}, stream, partial,
         args.loss, args.real_count, args.fake_count, real_parts, fake_parts, args.margin);
}

template <class T>
void relativistic_loss_backward(const RelativisticLossBackwardArgs<T>& args, Stream& stream) {
  const Index real_parts = parts_of(args.real_count), fake_parts = parts_of(args.fake_count);
  const double* partial = launch_parts(args.real, args.fake, args.real_count, args.fake_count,
                                       real_parts, fake_parts, stream);
  const auto blocks = [](const T* gradient, Index count) {
    return gradient ? std::min(kMostBlocks, blocks_of<Index>(count, kThreads)) : 0;
  };
  const Index real_blocks = blocks(args.dreal, args.real_count);
  const Index fake_blocks = blocks(args.dfake, args.fake_count);
  launch("relativistic_loss_backward", relativistic_backward_kernel<T>,
         {grid_of(real_blocks + fake_blocks), kThreads}, stream, args.dloss, args.real, args.fake,
         partial, args.dreal, args.dfake, args.real_count, args.fake_count, real_parts, fake_parts,
         real_blocks, args.margin);
}

OFER_INSTANTIATE_GPU(relativistic_loss, RelativisticLossArgs)
OFER_INSTANTIATE_GPU_BF16(relativistic_loss, RelativisticLossArgs)
OFER_INSTANTIATE_GPU(relativistic_loss_backward, RelativisticLossBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(relativistic_loss_backward, RelativisticLossBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
