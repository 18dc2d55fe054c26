// Cases of linear_by_position.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct LinearByPositionCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index batch = 1, positions = 1, in = 1, out = 1;

  OFER_FORWARD_CASE(linear_by_position)

  template <class T>
  kernels::LinearByPositionArgs<T> bind(Buffers<T>& b) const {
    return {.x = b.input("x", batch * positions * in),
            .weight = b.input("weight", positions * out * in),
            .y = b.output("y", batch * positions * out),
            .batch = batch,
            .positions = positions,
            .in = in,
            .out = out};
  }
  double flops() const { return 2.0 * static_cast<double>(batch * positions * in * out); }
  bool images() const { return true; }
  LinearByPositionCase with_images(Index n) const {
    LinearByPositionCase result = *this;
    result.batch = n;
    return result;
  }

  // clang-format off
  static std::vector<LinearByPositionCase> list() {
    return {
        {.name = "one number", .seed = 1},
        {.name = "no image", .seed = 2, .batch = 0, .positions = 4, .in = 3, .out = 2},
        {.name = "one image", .seed = 3, .batch = 1, .positions = 9, .in = 31, .out = 17},
        {.name = "batch", .seed = 4, .batch = 5, .positions = 16, .in = 48, .out = 32},
        {.name = "one position", .seed = 5, .batch = 19, .positions = 1, .in = 7, .out = 70},
        {.name = "tile edges", .seed = 6, .batch = 9, .positions = 3, .in = 132, .out = 35},
    };
  }
  static std::vector<LinearByPositionCase> benchmarks() {
    return {{.name = "phi, 16 images", .batch = 16, .positions = 196, .in = 768, .out = 32}};
  }
  // clang-format on
};

struct LinearByPositionBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index batch = 1, positions = 1, in = 1, out = 1;
  bool dx = true, dweight = true;

  OFER_BACKWARD_CASE(linear_by_position_backward, linear_by_position)

  kernels::LinearByPositionArgs<double> bind_forward(Buffers<double>& b) const {
    return LinearByPositionCase{.batch = batch, .positions = positions, .in = in, .out = out}.bind(
        b);
  }
  template <class T>
  kernels::LinearByPositionBackwardArgs<T> bind(Buffers<T>& b) const {
    return {.dy = b.input("dy", batch * positions * out),
            .x = b.input("x", batch * positions * in),
            .weight = b.input("weight", positions * out * in),
            .dx = dx ? b.output("dx", batch * positions * in) : nullptr,
            .dweight = dweight ? b.output("dweight", positions * out * in) : nullptr,
            .batch = batch,
            .positions = positions,
            .in = in,
            .out = out};
  }
  Index reduction() const { return std::max({batch, in, out}); }
  double flops() const {
    return (2.0 * dx + 2.0 * dweight) * static_cast<double>(batch * positions * in * out);
  }

  // clang-format off
  static std::vector<LinearByPositionBackwardCase> list() {
    return {
        {.name = "one number", .seed = 1},
        {.name = "no image", .seed = 2, .batch = 0, .positions = 4, .in = 3, .out = 2},
        {.name = "batch", .seed = 3, .batch = 3, .positions = 7, .in = 11, .out = 5},
        {.name = "one image", .seed = 4, .batch = 1, .positions = 4, .in = 8, .out = 20},
        {.name = "dx alone", .seed = 5, .batch = 2, .positions = 3, .in = 4, .out = 6,
         .dweight = false},
        {.name = "dweight alone", .seed = 6, .batch = 2, .positions = 3, .in = 4, .out = 6,
         .dx = false},
    };
  }
  static std::vector<LinearByPositionBackwardCase> benchmarks() {
    return {{.name = "phi, 16 images", .batch = 16, .positions = 196, .in = 768, .out = 32}};
  }
  // clang-format on
};

}  // namespace ofer::test
