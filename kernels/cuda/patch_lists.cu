// Index lists of the visible patches, on a GPU: the host never sees what is covered.
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

constexpr int kThreads = 128;
constexpr int kWarps = kThreads / kWarpSize;

// One warp for an image, lane l the patches l, l + 32, ...: the lanes vote which of their 32 are
// visible, and a patch's row is b + 1 + the number of visible ones in front of it.
template <class T>
__global__ void __launch_bounds__(kThreads)
    patch_lists_kernel(Global<const T> covered, Global<std::int32_t> used,
                       Global<std::int32_t> token_source, Global<std::int32_t> grid_source,
                       Global<std::int32_t> patch_source, Global<T> any, Index images,
                       Index patches) {
  const int lane = threadIdx.x % kWarpSize;
  const Index image = static_cast<Index>(blockIdx.x) * kWarps + threadIdx.x / kWarpSize;
  if (image >= images) return;
  const Index begin = image * (patches + 1), first_patch = image * patches;
  Index row = begin + 1;  // of the next visible patch
  for (Index chunk = 0; chunk < patches; chunk += kWarpSize) {
    const Index l = chunk + lane;
    const bool exists = l < patches;
    const bool visible = exists && !(static_cast<float>(covered[first_patch + l]) > 0.0f);
    const std::uint32_t votes = __ballot_sync(kAllLanes, visible);
    const Index own = row + __popc(votes & ((1u << lane) - 1));
    if (exists) {
      const auto source = static_cast<std::int32_t>(visible ? own : -1);
      grid_source[begin + 1 + l] = source;
      patch_source[first_patch + l] = source;
    }
    if (visible) token_source[own] = static_cast<std::int32_t>(first_patch + l);
    row += __popc(votes);
  }
  const Index end = begin + 1 + patches;
  for (Index r = row + lane; r < end; r += kWarpSize) token_source[r] = -1;
  if (lane != 0) return;
  token_source[begin] = -1;
  grid_source[begin] = static_cast<std::int32_t>(begin);
  used[2 * image] = static_cast<std::int32_t>(begin);
  used[2 * image + 1] = static_cast<std::int32_t>(row);
  any[image] = T(row < end ? 1.0f : 0.0f);
}

}  // namespace

template <class T>
void patch_lists(const PatchListsArgs<T>& args, Stream& stream) {
  launch("patch_lists", patch_lists_kernel<T>,
         {grid_of(blocks_of<Index>(args.images, kWarps)), kThreads}, stream, args.covered,
         args.used, args.token_source, args.grid_source, args.patch_source, args.any, args.images,
         args.patches);
}

OFER_INSTANTIATE_GPU(patch_lists, PatchListsArgs)
OFER_INSTANTIATE_GPU_BF16(patch_lists, PatchListsArgs)

}  // namespace ofer::kernels::OFER_GPU
