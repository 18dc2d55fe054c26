// Cases of svdd_distance.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct SvddDistanceCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index batch = 1, positions = 1, width = 1;
  bool by_position = false;
  Fill feature = {};

  OFER_FORWARD_CASE(svdd_distance)

  template <class T>
  kernels::SvddDistanceArgs<T> bind(Buffers<T>& b) const {
    return {.feature = b.input("feature", batch * positions * width, feature),
            .center = b.input("center", (by_position ? positions : 1) * width, feature),
            .distance = b.output("distance", batch * positions),
            .batch = batch,
            .positions = positions,
            .width = width,
            .by_position = by_position};
  }
  double flops() const { return 3.0 * static_cast<double>(batch * positions * width); }
  bool images() const { return true; }
  SvddDistanceCase with_images(Index n) const {
    SvddDistanceCase result = *this;
    result.batch = n;
    return result;
  }

  // clang-format off
  static std::vector<SvddDistanceCase> list() {
    return {
        {.name = "one number", .seed = 1},
        {.name = "no image", .seed = 2, .batch = 0, .positions = 3, .width = 4},
        {.name = "one centre", .seed = 3, .batch = 2, .positions = 9, .width = 33},
        {.name = "by position", .seed = 4, .batch = 3, .positions = 16, .width = 32,
         .by_position = true},
        {.name = "wide", .seed = 5, .batch = 1, .positions = 3, .width = 771},
        {.name = "large mean", .seed = 6, .batch = 2, .positions = 5, .width = 20,
         .by_position = true, .feature = {Distribution::kLargeMean}},
    };
  }
  static std::vector<SvddDistanceCase> benchmarks() {
    return {{.name = "16 images", .batch = 16, .positions = 196, .width = 768,
             .by_position = true}};
  }
  // clang-format on
};

struct SvddDistanceBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index batch = 1, positions = 1, width = 1;
  bool by_position = false;

  OFER_BACKWARD_CASE(svdd_distance_backward, svdd_distance)

  kernels::SvddDistanceArgs<double> bind_forward(Buffers<double>& b) const {
    return SvddDistanceCase{
        .batch = batch, .positions = positions, .width = width, .by_position = by_position}
        .bind(b);
  }
  template <class T>
  kernels::SvddDistanceBackwardArgs<T> bind(Buffers<T>& b) const {
    return {.ddistance = b.input("ddistance", batch * positions),
            .feature = b.input("feature", batch * positions * width),
            .center = b.input("center", (by_position ? positions : 1) * width),
            .dfeature = b.output("dfeature", batch * positions * width),
            .batch = batch,
            .positions = positions,
            .width = width,
            .by_position = by_position};
  }
  Index reduction() const { return 1; }
  double flops() const { return 3.0 * static_cast<double>(batch * positions * width); }

  // clang-format off
  static std::vector<SvddDistanceBackwardCase> list() {
    return {
        {.name = "one centre", .seed = 1, .batch = 2, .positions = 5, .width = 7},
        {.name = "by position", .seed = 2, .batch = 3, .positions = 4, .width = 6,
         .by_position = true},
        {.name = "no image", .seed = 3, .batch = 0, .positions = 4, .width = 6},
    };
  }
  static std::vector<SvddDistanceBackwardCase> benchmarks() {
    return {{.name = "16 images", .batch = 16, .positions = 196, .width = 768}};
  }
  // clang-format on
};

}  // namespace ofer::test
