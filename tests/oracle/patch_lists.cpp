#include "tests/oracle/oracle.h"

namespace ofer::oracle {

template <class R>
void patch_lists(const kernels::PatchListsArgs<R>& args) {
  const Index patches = args.patches, room = patches + 1;
  const auto visible = [&](Index image, Index l) {
    return !(args.covered[image * patches + l] > R(0));
  };
  for (Index image = 0; image < args.images; ++image) {
    const Index b = image * room;
    Index all = 0;
    for (Index l = 0; l < patches; ++l) all += visible(image, l) ? 1 : 0;
    args.used[2 * image] = static_cast<std::int32_t>(b);
    args.used[2 * image + 1] = static_cast<std::int32_t>(b + 1 + all);
    args.any[image] = all < patches ? R(1) : R(0);
    args.grid_source[b] = static_cast<std::int32_t>(b);
    for (Index row = 0; row < room; ++row) args.token_source[b + row] = -1;
    for (Index l = 0; l < patches; ++l) {
      Index before = 0;  // visible patches that come first
      for (Index other = 0; other < l; ++other) before += visible(image, other) ? 1 : 0;
      const Index row = visible(image, l) ? b + 1 + before : -1;
      args.grid_source[b + 1 + l] = static_cast<std::int32_t>(row);
      args.patch_source[image * patches + l] = static_cast<std::int32_t>(row);
      if (row >= 0) args.token_source[row] = static_cast<std::int32_t>(image * patches + l);
    }
  }
}

OFER_ORACLE(patch_lists, PatchListsArgs)

}  // namespace ofer::oracle
