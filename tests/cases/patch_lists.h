// Cases of patch_lists.
#pragma once

#include <cmath>

#include "tests/support/case.h"

namespace ofer::test {

struct PatchListsCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index images = 1, patches = 1;
  Fill covered = {Distribution::kMask};
  std::vector<double> given = {};  // in place of `covered`

  OFER_FORWARD_CASE(patch_lists)
  static constexpr bool kMoves = true;

  template <class T>
  kernels::PatchListsArgs<T> bind(Buffers<T>& b) const {
    const Index rows = images * (patches + 1);
    return {.covered = given.empty() ? b.input("covered", images * patches, covered)
                                     : b.input("covered", given),
            .used = b.index_output("used", 2 * images),
            .token_source = b.index_output("token_source", rows),
            .grid_source = b.index_output("grid_source", rows),
            .patch_source = b.index_output("patch_source", images * patches),
            .any = b.output("any", images),
            .images = images,
            .patches = patches};
  }
  double flops() const { return 0; }

  // clang-format off
  static std::vector<PatchListsCase> list() {
    return {
        {.name = "no image", .seed = 1, .images = 0, .patches = 9},
        {.name = "one patch, visible", .seed = 2, .covered = {Distribution::kZero}},
        {.name = "one patch, covered", .seed = 3, .covered = {Distribution::kOne}},
        {.name = "images of no patch", .seed = 4, .images = 2, .patches = 0},
        {.name = "a warp less one", .seed = 5, .images = 3, .patches = 31},
        {.name = "a warp", .seed = 6, .images = 3, .patches = 32},
        {.name = "a warp and one", .seed = 7, .images = 3, .patches = 33},
        {.name = "14 x 14", .seed = 8, .images = 5, .patches = 196},
        {.name = "14 x 14, nothing covered", .seed = 9, .images = 2, .patches = 196,
         .covered = {Distribution::kZero}},
        {.name = "14 x 14, all covered", .seed = 10, .images = 2, .patches = 196,
         .covered = {Distribution::kOne}},
        {.name = "14 x 14, hardly anything covered", .seed = 11, .images = 6, .patches = 196,
         .covered = {Distribution::kSparse}},
        {.name = "anything above 0 covers", .seed = 12, .images = 3, .patches = 40,
         .covered = {Distribution::kExtreme}},
        {.name = "what is no number covers nothing", .seed = 13, .patches = 6,
         .given = {NAN, 1, -HUGE_VAL, HUGE_VAL, -0.0, 1e-30}},
    };
  }
  static std::vector<PatchListsCase> benchmarks() {
    return {{.name = "16 images", .images = 16, .patches = 196}};
  }
  // clang-format on
};

}  // namespace ofer::test
