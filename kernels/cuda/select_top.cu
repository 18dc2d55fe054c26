// The largest elements of each row, on a GPU: an element is taken when fewer than `count` stand
// before it. Quadratic in the row's length, which is a patch grid's: no order has to be kept
// anywhere.
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarpSize;

// mask[r, i] = 1 where the number of j with x[r, j] before x[r, i] is below `count`; before:
// larger, or equal with j < i. One warp for an element, lane l the j = l, l + 32, ...: of 196
// elements seven, where a thread for an element would look at all of them one after the other.
template <class T>
__global__ void __launch_bounds__(kThreads)
    select_top_kernel(Global<const T> x, Global<T> mask, Index elements, Index length,
                      Index count) {
  const int lane = threadIdx.x % kWarpSize;
  const Index element = static_cast<Index>(blockIdx.x) * kWarps + threadIdx.x / kWarpSize;
  if (element >= elements) return;
  const Index i = element % length, row = element - i;
  const float own = static_cast<float>(x[element]);
  Index before = 0;
  for (Index j = lane; j < length; j += kWarpSize) {
    const float other = static_cast<float>(x[row + j]);
    before += (j < i ? other >= own : other > own) ? 1 : 0;
  }
  before = warp_sum(before);
  if (lane == 0) mask[element] = T(before < count ? 1.0f : 0.0f);
}

}  // namespace

template <class T>
void select_top(const SelectTopArgs<T>& args, Stream& stream) {
  const Index elements = args.rows * args.length;
  launch("select_top", select_top_kernel<T>,
         {grid_of(blocks_of<Index>(elements, kWarps)), kThreads}, stream, args.x, args.mask,
         elements, args.length, args.count);
}

OFER_INSTANTIATE_GPU(select_top, SelectTopArgs)
OFER_INSTANTIATE_GPU_BF16(select_top, SelectTopArgs)

}  // namespace ofer::kernels::OFER_GPU
