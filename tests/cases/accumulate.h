// Cases of accumulate and fill.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct AccumulateCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  double alpha = 1;

  OFER_FORWARD_CASE(accumulate)

  template <class T>
  kernels::AccumulateArgs<T> bind(Buffers<T>& b) const {
    return {.x = b.input("x", count), .y = b.in_out("y", count), .count = count, .alpha = alpha};
  }
  double flops() const { return 2.0 * static_cast<double>(count); }
  bool images() const { return true; }
  AccumulateCase with_images(Index n) const {
    AccumulateCase result = *this;
    result.count = n * count;
    return result;
  }

  // clang-format off
  static std::vector<AccumulateCase> list() {
    return {{.name = "one", .seed = 1},
            {.name = "nothing", .seed = 2, .count = 0},
            {.name = "odd", .seed = 3, .count = 333, .alpha = -0.7},
            {.name = "several ranges", .seed = 4, .count = 50001, .alpha = 0.1},
            {.name = "alpha 0", .seed = 5, .count = 12, .alpha = 0}};
  }
  static std::vector<AccumulateCase> benchmarks() {
    return {{.name = "gradient of 10 M parameters", .count = 10'000'000}};
  }
  // clang-format on
};

struct FillCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  double value = 0;

  OFER_FORWARD_CASE(fill)

  template <class T>
  kernels::FillArgs<T> bind(Buffers<T>& b) const {
    return {.y = b.output("y", count), .count = count, .value = value};
  }
  double flops() const { return 0; }

  // clang-format off
  static std::vector<FillCase> list() {
    return {{.name = "one", .seed = 1, .count = 1, .value = 3.25},
            {.name = "nothing", .seed = 2, .count = 0, .value = 1},
            {.name = "zeros", .seed = 3, .count = 4097, .value = 0},
            {.name = "a tenth", .seed = 4, .count = 301, .value = 0.1}};
  }
  static std::vector<FillCase> benchmarks() {
    return {{.name = "10 M", .count = 10'000'000}};
  }
  // clang-format on
};

}  // namespace ofer::test
