// Index lists of the visible patches on the CPU, image by image.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/threads.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

template <class T>
void lists_of_image(const PatchListsArgs<T>& args, Index image) {
  const Index patches = args.patches, begin = image * (patches + 1);
  const T* covered = args.covered + image * patches;
  std::int32_t* tokens = args.token_source + begin;
  std::int32_t* grid = args.grid_source + begin;
  std::int32_t* places = args.patch_source + image * patches;
  tokens[0] = -1;
  grid[0] = static_cast<std::int32_t>(begin);
  Index used = 1;
  for (Index l = 0; l < patches; ++l) {
    const bool visible = !(covered[l] > T(0));
    places[l] = grid[1 + l] = visible ? static_cast<std::int32_t>(begin + used) : -1;
    if (visible) tokens[used++] = static_cast<std::int32_t>(image * patches + l);
  }
  for (Index row = used; row <= patches; ++row) tokens[row] = -1;
  args.used[2 * image] = static_cast<std::int32_t>(begin);
  args.used[2 * image + 1] = static_cast<std::int32_t>(begin + used);
  args.any[image] = used <= patches ? T(1) : T(0);
}

}  // namespace

template <class T>
void patch_lists(const PatchListsArgs<T>& args, Stream& stream) {
  cpu_stream(stream).parallel_for(args.images, 1, [&](Index begin, Index end, int) {
    for (Index image = begin; image < end; ++image) lists_of_image(args, image);
  });
}

OFER_INSTANTIATE(patch_lists, PatchListsArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
