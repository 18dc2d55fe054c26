// Cases of patches.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct PatchesCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index batch = 1, channels = 3, rows = 1, columns = 1, patch = 1;
  kernels::PatchOrder order = kernels::PatchOrder::kChannelRowColumn;
  bool to_image = false;

  OFER_FORWARD_CASE(patches)

  template <class T>
  kernels::PatchesArgs<T> bind(Buffers<T>& b) const {
    const Index count = batch * channels * rows * columns * patch * patch;
    return {.x = b.input("x", count),
            .y = b.output("y", count),
            .batch = batch,
            .channels = channels,
            .rows = rows,
            .columns = columns,
            .patch = patch,
            .order = order,
            .to_image = to_image};
  }
  double flops() const { return 0; }

  // clang-format off
  static std::vector<PatchesCase> list() {
    using kernels::PatchOrder;
    return {
        {.name = "one pixel", .seed = 1, .channels = 1},
        {.name = "no image", .seed = 2, .batch = 0, .rows = 2, .columns = 2, .patch = 4},
        {.name = "embedding order", .seed = 3, .batch = 2, .rows = 3, .columns = 5, .patch = 4},
        {.name = "decoder order", .seed = 4, .batch = 2, .rows = 3, .columns = 5, .patch = 4,
         .order = PatchOrder::kRowColumnChannel},
        {.name = "embedding order, to image", .seed = 5, .batch = 3, .channels = 2, .rows = 4,
         .columns = 2, .patch = 3, .to_image = true},
        {.name = "decoder order, to image", .seed = 6, .batch = 3, .rows = 4, .columns = 2,
         .patch = 16, .order = PatchOrder::kRowColumnChannel, .to_image = true},
        {.name = "one row of patches", .seed = 7, .batch = 1, .channels = 5, .rows = 1,
         .columns = 7, .patch = 1, .order = PatchOrder::kRowColumnChannel},
        {.name = "embedding order, to image, vectors", .seed = 9, .batch = 2, .rows = 2,
         .columns = 3, .patch = 8, .to_image = true},
        {.name = "many channels", .seed = 8, .batch = 2, .channels = 33, .rows = 2, .columns = 3,
         .patch = 8, .order = PatchOrder::kRowColumnChannel},
        {.name = "many channels, to image", .seed = 11, .batch = 2, .channels = 33, .rows = 2,
         .columns = 3, .patch = 8, .order = PatchOrder::kRowColumnChannel, .to_image = true},
    };
  }
  static std::vector<PatchesCase> benchmarks() {
    return {{.name = "16 images", .batch = 16, .rows = 14, .columns = 14, .patch = 16}};
  }
  // clang-format on
};

}  // namespace ofer::test
