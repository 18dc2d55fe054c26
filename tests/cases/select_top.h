// Cases of select_top.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct SelectTopCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index rows = 1, length = 1, count = 1;
  Fill x = {};

  OFER_FORWARD_CASE(select_top)

  template <class T>
  kernels::SelectTopArgs<T> bind(Buffers<T>& b) const {
    return {.x = b.input("x", rows * length, x),
            .mask = b.output("mask", rows * length),
            .rows = rows,
            .length = length,
            .count = count};
  }
  double flops() const { return static_cast<double>(rows * length); }
  bool images() const { return true; }
  SelectTopCase with_images(Index n) const {
    SelectTopCase result = *this;
    result.rows = n * rows;
    return result;
  }

  // clang-format off
  static std::vector<SelectTopCase> list() {
    return {
        {.name = "one of one", .seed = 1},
        {.name = "no rows", .seed = 2, .rows = 0, .length = 9, .count = 3},
        {.name = "upper half", .seed = 3, .rows = 3, .length = 196, .count = 98},
        {.name = "upper half, odd", .seed = 4, .rows = 5, .length = 25, .count = 12},
        {.name = "the largest", .seed = 5, .rows = 4, .length = 33, .count = 1},
        {.name = "none", .seed = 6, .rows = 2, .length = 17, .count = 0},
        {.name = "all", .seed = 7, .rows = 2, .length = 17, .count = 17},
        {.name = "ties", .seed = 8, .rows = 6, .length = 40, .count = 20,
         .x = {Distribution::kTies}},
        {.name = "equal", .seed = 9, .rows = 2, .length = 21, .count = 8,
         .x = {Distribution::kOne}},
        {.name = "extreme", .seed = 10, .rows = 3, .length = 30, .count = 11,
         .x = {Distribution::kExtreme}},
        {.name = "one lane more than a warp", .seed = 11, .rows = 3, .length = 33, .count = 32,
         .x = {Distribution::kTies}},
    };
  }
  static std::vector<SelectTopCase> benchmarks() {
    return {{.name = "16 images", .rows = 16, .length = 196, .count = 98}};
  }
  // clang-format on
};

}  // namespace ofer::test
