// Cases of kernel_svdd and kernel_svdd_constant.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct KernelSvddCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index batch = 1, positions = 1, width = 1, supports = 1;
  double gamma = 0.1;
  bool by_position = false;
  Fill z = {};

  OFER_FORWARD_CASE(kernel_svdd)

  template <class T>
  kernels::KernelSvddArgs<T> bind(Buffers<T>& b) const {
    const Index sets = by_position ? positions : 1;
    return {.z = b.input("z", batch * positions * width, z),
            .support = b.input("support", sets * supports * width, z),
            .alpha = b.input("alpha", sets * supports,
                             {Distribution::kPositive, 1 / static_cast<double>(supports)}),
            .constant = b.input("constant", sets, {Distribution::kPositive}),
            .distance = b.output("distance", batch * positions),
            .batch = batch,
            .positions = positions,
            .width = width,
            .supports = supports,
            .gamma = gamma,
            .by_position = by_position};
  }
  double flops() const {
    return static_cast<double>(batch * positions * supports) *
           (3.0 * static_cast<double>(width) + 4);
  }
  bool images() const { return true; }
  KernelSvddCase with_images(Index n) const {
    KernelSvddCase result = *this;
    result.batch = n;
    return result;
  }

  // clang-format off
  static std::vector<KernelSvddCase> list() {
    return {
        {.name = "one number", .seed = 1},
        {.name = "no image", .seed = 2, .batch = 0, .positions = 3, .width = 4, .supports = 2},
        {.name = "one set", .seed = 3, .batch = 2, .positions = 6, .width = 17, .supports = 29,
         .gamma = 0.02},
        {.name = "by position", .seed = 4, .batch = 3, .positions = 5, .width = 8, .supports = 11,
         .gamma = 0.05, .by_position = true},
        {.name = "far away", .seed = 5, .batch = 1, .positions = 4, .width = 16, .supports = 9,
         .gamma = 10},
        {.name = "large mean", .seed = 6, .batch = 2, .positions = 3, .width = 12, .supports = 8,
         .gamma = 0.05, .z = {Distribution::kShifted}},
        {.name = "several tiles", .seed = 7, .batch = 3, .positions = 11, .width = 33,
         .supports = 65, .gamma = 0.02},
        {.name = "one tile exactly", .seed = 8, .batch = 2, .positions = 16, .width = 32,
         .supports = 64, .gamma = 0.02},
    };
  }
  static std::vector<KernelSvddCase> benchmarks() {
    return {{.name = "16 images", .batch = 16, .positions = 196, .width = 768, .supports = 256,
             .gamma = 1e-3}};
  }
  // clang-format on
};

struct KernelSvddBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index batch = 1, positions = 1, width = 1, supports = 1;
  double gamma = 0.1;
  bool by_position = false;

  OFER_BACKWARD_CASE(kernel_svdd_backward, kernel_svdd)

  kernels::KernelSvddArgs<double> bind_forward(Buffers<double>& b) const {
    return KernelSvddCase{.batch = batch,
                          .positions = positions,
                          .width = width,
                          .supports = supports,
                          .gamma = gamma,
                          .by_position = by_position}
        .bind(b);
  }
  template <class T>
  kernels::KernelSvddBackwardArgs<T> bind(Buffers<T>& b) const {
    const Index sets = by_position ? positions : 1;
    return {.ddistance = b.input("ddistance", batch * positions),
            .z = b.input("z", batch * positions * width),
            .support = b.input("support", sets * supports * width),
            .alpha = b.input("alpha", sets * supports),
            .dz = b.output("dz", batch * positions * width),
            .batch = batch,
            .positions = positions,
            .width = width,
            .supports = supports,
            .gamma = gamma,
            .by_position = by_position};
  }
  Index reduction() const { return std::max(width, supports); }
  double flops() const {
    return static_cast<double>(batch * positions * supports) *
           (6.0 * static_cast<double>(width) + 4);
  }

  // clang-format off
  static std::vector<KernelSvddBackwardCase> list() {
    return {
        {.name = "one set", .seed = 1, .batch = 2, .positions = 5, .width = 7, .supports = 13},
        {.name = "by position", .seed = 2, .batch = 3, .positions = 4, .width = 6, .supports = 5,
         .gamma = 0.05, .by_position = true},
        {.name = "no image", .seed = 3, .batch = 0, .positions = 4, .width = 6, .supports = 5},
        {.name = "several tiles", .seed = 4, .batch = 3, .positions = 11, .width = 65,
         .supports = 35, .gamma = 0.01},
    };
  }
  static std::vector<KernelSvddBackwardCase> benchmarks() {
    return {{.name = "16 images", .batch = 16, .positions = 196, .width = 768, .supports = 256,
             .gamma = 1e-3}};
  }
  // clang-format on
};

struct KernelSvddConstantCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index sets = 1, width = 1, supports = 1;
  double gamma = 0.1;

  OFER_FORWARD_CASE(kernel_svdd_constant)

  template <class T>
  kernels::KernelSvddConstantArgs<T> bind(Buffers<T>& b) const {
    return {.support = b.input("support", sets * supports * width),
            .alpha = b.input("alpha", sets * supports,
                             {Distribution::kPositive, 1 / static_cast<double>(supports)}),
            .constant = b.output("constant", sets),
            .sets = sets,
            .width = width,
            .supports = supports,
            .gamma = gamma};
  }
  double flops() const {
    return static_cast<double>(sets * supports * supports) * (3.0 * static_cast<double>(width) + 5);
  }

  // clang-format off
  static std::vector<KernelSvddConstantCase> list() {
    return {
        {.name = "one support vector", .seed = 1, .sets = 1, .width = 5, .supports = 1},
        {.name = "one set", .seed = 2, .sets = 1, .width = 13, .supports = 37, .gamma = 0.03},
        {.name = "several sets", .seed = 3, .sets = 7, .width = 6, .supports = 9},
        {.name = "several tiles", .seed = 5, .sets = 2, .width = 34, .supports = 66,
         .gamma = 0.02},
        {.name = "no set", .seed = 4, .sets = 0, .width = 6, .supports = 9},
    };
  }
  static std::vector<KernelSvddConstantCase> benchmarks() {
    return {{.name = "one set", .sets = 1, .width = 768, .supports = 256, .gamma = 1e-3}};
  }
  // clang-format on
};

}  // namespace ofer::test
