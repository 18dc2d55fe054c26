// Cases of grad_cam.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct GradCamCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index batch = 1, channels = 1, positions = 1;
  bool plus_plus = false;
  Fill a = {Distribution::kPositive}, g = {};

  OFER_FORWARD_CASE(grad_cam)

  template <class T>
  kernels::GradCamArgs<T> bind(Buffers<T>& b) const {
    return {.a = b.input("a", batch * channels * positions, a),
            .g = b.input("g", batch * channels * positions, g),
            .map = b.output("map", batch * positions),
            .batch = batch,
            .channels = channels,
            .positions = positions,
            .plus_plus = plus_plus};
  }
  double flops() const {
    return (plus_plus ? 10.0 : 3.0) * static_cast<double>(batch * channels * positions);
  }
  bool images() const { return true; }
  GradCamCase with_images(Index n) const {
    GradCamCase result = *this;
    result.batch = n;
    return result;
  }

  // clang-format off
  static std::vector<GradCamCase> list() {
    return {
        {.name = "one position is constant", .seed = 1},
        {.name = "no image", .seed = 2, .batch = 0, .channels = 3, .positions = 4},
        {.name = "plain", .seed = 3, .batch = 3, .channels = 20, .positions = 49},
        {.name = "plain, even", .seed = 4, .batch = 1, .channels = 32, .positions = 64},
        {.name = "plain, large map", .seed = 9, .batch = 2, .channels = 7, .positions = 150},
        {.name = "plus plus, large map", .seed = 10, .batch = 2, .channels = 7, .positions = 150,
         .plus_plus = true, .g = {Distribution::kAwayFromZero, 0.01}},
        {.name = "plus plus", .seed = 5, .batch = 3, .channels = 20, .positions = 49,
         .plus_plus = true, .g = {Distribution::kAwayFromZero, 0.1}},
        // a and g of zero: the denominator of alpha is 0.
        {.name = "plus plus, zeros", .seed = 6, .batch = 2, .channels = 9, .positions = 16,
         .plus_plus = true, .a = {Distribution::kMask}, .g = {Distribution::kMask}},
        {.name = "nothing positive", .seed = 7, .batch = 2, .channels = 5, .positions = 16,
         .g = {Distribution::kNegative}},
        {.name = "no gradient", .seed = 8, .batch = 2, .channels = 5, .positions = 16,
         .plus_plus = true, .g = {Distribution::kZero}},
    };
  }
  static std::vector<GradCamCase> benchmarks() {
    return {{.name = "16 images", .batch = 16, .channels = 512, .positions = 49},
            {.name = "plus plus, 16 images", .batch = 16, .channels = 512, .positions = 49,
             .plus_plus = true}};
  }
  // clang-format on
};

}  // namespace ofer::test
