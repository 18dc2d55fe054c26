// Cases of pixel_loss.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct PixelLossCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  kernels::PixelLoss function = kernels::PixelLoss::kL1;
  bool weighted = false;
  Fill weight = {Distribution::kMask};

  OFER_FORWARD_CASE(pixel_loss)

  template <class T>
  kernels::PixelLossArgs<T> bind(Buffers<T>& b) const {
    return {.x = b.input("x", count),
            .target = b.input("target", count),
            .weight = weighted ? b.input("weight", count, weight) : nullptr,
            .loss = b.output("loss", 1),
            .count = count,
            .function = function};
  }
  double flops() const { return 3.0 * static_cast<double>(count); }

  // clang-format off
  static std::vector<PixelLossCase> list() {
    using kernels::PixelLoss;
    return {
        {.name = "L1 of one", .seed = 1},
        {.name = "L1", .seed = 2, .count = 3001},
        {.name = "L1 in a hole", .seed = 3, .count = 1003, .weighted = true},
        {.name = "L1, nothing weighs", .seed = 4, .count = 77, .weighted = true,
         .weight = {Distribution::kZero}},
        {.name = "mean square", .seed = 5, .count = 2050, .function = PixelLoss::kMeanSquare},
        {.name = "mean square, weighted", .seed = 6, .count = 333,
         .function = PixelLoss::kMeanSquare, .weighted = true,
         .weight = {Distribution::kPositive}},
        {.name = "mean square, nothing weighs", .seed = 7, .count = 30,
         .function = PixelLoss::kMeanSquare, .weighted = true, .weight = {Distribution::kZero}},
        {.name = "several ranges", .seed = 8, .count = 70001,
         .function = PixelLoss::kMeanSquare},
    };
  }
  static std::vector<PixelLossCase> benchmarks() {
    return {{.name = "16 images", .count = 16 * 3 * 256 * 256}};
  }
  // clang-format on
};

struct PixelLossBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  kernels::PixelLoss function = kernels::PixelLoss::kL1;
  bool weighted = false;
  Fill weight = {Distribution::kMask};

  OFER_BACKWARD_CASE(pixel_loss_backward, pixel_loss)

  PixelLossCase forward() const {
    return {.count = count, .function = function, .weighted = weighted, .weight = weight};
  }
  kernels::PixelLossArgs<double> bind_forward(Buffers<double>& b) const {
    return forward().bind(b);
  }
  template <class T>
  kernels::PixelLossBackwardArgs<T> bind(Buffers<T>& b) const {
    return {.dloss = b.input("dloss", 1),
            .x = b.input("x", count),
            .target = b.input("target", count),
            .weight = weighted ? b.input("weight", count) : nullptr,
            .dx = b.output("dx", count),
            .count = count,
            .function = function};
  }
  Index reduction() const { return weighted ? count : 1; }
  double flops() const { return 3.0 * static_cast<double>(count); }

  // clang-format off
  static std::vector<PixelLossBackwardCase> list() {
    using kernels::PixelLoss;
    return {
        {.name = "L1", .seed = 1, .count = 71},
        {.name = "L1 of one", .seed = 2},
        {.name = "L1 in a hole", .seed = 3, .count = 90, .weighted = true},
        {.name = "L1, nothing weighs", .seed = 4, .count = 20, .weighted = true,
         .weight = {Distribution::kZero}},
        {.name = "mean square", .seed = 5, .count = 130, .function = PixelLoss::kMeanSquare},
        {.name = "mean square, weighted", .seed = 6, .count = 55,
         .function = PixelLoss::kMeanSquare, .weighted = true,
         .weight = {Distribution::kPositive}},
        {.name = "mean square, many weights", .seed = 8, .count = 17003,
         .function = PixelLoss::kMeanSquare, .weighted = true,
         .weight = {Distribution::kPositive}},
        {.name = "mean square, nothing weighs", .seed = 7, .count = 20,
         .function = PixelLoss::kMeanSquare, .weighted = true, .weight = {Distribution::kZero}},
    };
  }
  static std::vector<PixelLossBackwardCase> benchmarks() {
    return {{.name = "16 images", .count = 16 * 3 * 256 * 256}};
  }
  // clang-format on
};

}  // namespace ofer::test
