// Cases of gather_rows.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

// Row numbers below x_rows in some order, `repeats` allowed, about a third of them -1.
inline std::vector<std::int32_t> some_rows(Index rows, Index x_rows, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::int32_t> index;
  for (Index r = 0; r < rows; ++r)
    index.push_back(
        x_rows == 0 || random.below(3) == 0 ? -1 : static_cast<std::int32_t>(random.below(x_rows)));
  return index;
}

struct GatherRowsCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index rows = 1, x_rows = 1, width = 1;
  std::vector<std::int32_t> index = {};  // empty: random
  bool fill = true;

  OFER_FORWARD_CASE(gather_rows)

  std::vector<std::int32_t> rows_taken() const {
    return index.empty() ? some_rows(rows, x_rows, seed) : index;
  }
  template <class T>
  kernels::GatherRowsArgs<T> bind(Buffers<T>& b) const {
    return {.x = b.input("x", x_rows * width),
            .index = b.indices("index", rows_taken()),
            .fill = fill ? b.input("fill", width) : nullptr,
            .y = b.output("y", rows * width),
            .rows = rows,
            .x_rows = x_rows,
            .width = width};
  }
  double flops() const { return 0; }

  // clang-format off
  static std::vector<GatherRowsCase> list() {
    return {
        {.name = "one number", .seed = 1, .index = {0}},
        {.name = "mask tokens", .seed = 2, .rows = 34, .x_rows = 20, .width = 33},
        {.name = "zeros", .seed = 3, .rows = 25, .x_rows = 9, .width = 16, .fill = false},
        {.name = "no row to take", .seed = 4, .rows = 7, .x_rows = 0, .width = 12},
        {.name = "no row wanted", .seed = 5, .rows = 0, .x_rows = 5, .width = 12},
        {.name = "all taken", .seed = 6, .rows = 4, .x_rows = 4, .width = 5,
         .index = {3, 0, 2, 1}},
        {.name = "one row again and again", .seed = 7, .rows = 5, .x_rows = 3, .width = 65,
         .index = {2, 2, 2, 2, 2}, .fill = false},
        {.name = "mask tokens, vectors", .seed = 9, .rows = 34, .x_rows = 20, .width = 36},
    };
  }
  static std::vector<GatherRowsCase> benchmarks() {
    return {{.name = "decoder tokens, 16 images", .rows = 16 * 197, .x_rows = 16 * 100,
             .width = 512}};
  }
  // clang-format on
};

struct GatherRowsBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index rows = 1, x_rows = 1, width = 1;
  std::vector<std::int32_t> index = {};
  bool dx = true, dfill = true;

  OFER_BACKWARD_CASE(gather_rows_backward, gather_rows)

  GatherRowsCase forward() const {
    return {.seed = seed, .rows = rows, .x_rows = x_rows, .width = width, .index = index};
  }
  kernels::GatherRowsArgs<double> bind_forward(Buffers<double>& b) const {
    return forward().bind(b);
  }
  template <class T>
  kernels::GatherRowsBackwardArgs<T> bind(Buffers<T>& b) const {
    return {.dy = b.input("dy", rows * width),
            .index = b.indices("index", forward().rows_taken()),
            .dx = dx ? b.output("dx", x_rows * width) : nullptr,
            .dfill = dfill ? b.output("dfill", width) : nullptr,
            .rows = rows,
            .x_rows = x_rows,
            .width = width};
  }
  Index reduction() const { return rows; }
  double flops() const { return static_cast<double>(rows * width); }

  // clang-format off
  static std::vector<GatherRowsBackwardCase> list() {
    return {
        {.name = "mask tokens", .seed = 1, .rows = 34, .x_rows = 20, .width = 7},
        {.name = "repeated rows", .seed = 2, .rows = 50, .x_rows = 4, .width = 5},
        {.name = "many rows, wide", .seed = 7, .rows = 150, .x_rows = 20, .width = 70},
        {.name = "dx alone", .seed = 3, .rows = 12, .x_rows = 9, .width = 6, .dfill = false},
        {.name = "dfill alone", .seed = 4, .rows = 12, .x_rows = 9, .width = 6, .dx = false},
        {.name = "no row to take", .seed = 5, .rows = 7, .x_rows = 0, .width = 3},
        {.name = "no row wanted", .seed = 6, .rows = 0, .x_rows = 3, .width = 4},
        {.name = "vectors, two strips", .seed = 9, .rows = 40, .x_rows = 3, .width = 516},
        {.name = "two strips", .seed = 10, .rows = 17, .x_rows = 5, .width = 129},
        {.name = "a thousand indices and more", .seed = 13, .rows = 1100, .x_rows = 60,
         .width = 4},
    };
  }
  static std::vector<GatherRowsBackwardCase> benchmarks() {
    return {{.name = "decoder tokens, 16 images", .rows = 16 * 197, .x_rows = 16 * 100,
             .width = 512}};
  }
  // clang-format on
};

}  // namespace ofer::test
