// Which patches of each image are visible, as the index lists that the stages gather by.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

// Lists of one length whatever is covered: image i has room for patches + 1 rows from row
// b = i (patches + 1) on and uses a beginning of it, its class token and then its visible patches
// in raster order. From covered [images, patches], > 0 where a patch is covered:
//   used [images, 2]: the rows that an image uses, b and b + 1 + visible.
//   token_source [images (patches + 1)]: what a row is made of, patch i patches + l of all for the
//     visible patch l, -1 for the class token and for the rows that are not used.
//   grid_source [images (patches + 1)]: row of each token of the full grid, at b the class token's,
//     at b + 1 + l patch l's; -1 where it is covered.
//   patch_source [images, patches]: the same without class tokens.
//   any [images]: 1 where a patch of the image is covered, else 0.
// images (patches + 1) < 2^31.
template <class T>
struct PatchListsArgs {
  const T* covered;
  std::int32_t* used;
  std::int32_t* token_source;
  std::int32_t* grid_source;
  std::int32_t* patch_source;
  T* any;
  Index images, patches;
};

}  // namespace ofer::kernels
