// Cases of unary.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct UnaryCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  kernels::Unary function = kernels::Unary::kScale;
  double a = 0, b = 0;
  Fill x = {};

  OFER_FORWARD_CASE(unary)

  template <class T>
  kernels::UnaryArgs<T> bind(Buffers<T>& buffers) const {
    return {.x = buffers.input("x", count, x),
            .y = buffers.output("y", count),
            .count = count,
            .function = function,
            .a = a,
            .b = b};
  }
  double flops() const { return static_cast<double>(count); }
  bool images() const { return true; }
  UnaryCase with_images(Index n) const {
    UnaryCase result = *this;
    result.count = n * count;
    return result;
  }

  // clang-format off
  static std::vector<UnaryCase> list() {
    using kernels::Unary;
    return {
        {.name = "scale", .seed = 1, .count = 131, .function = Unary::kScale, .a = 0.3, .b = -1.7},
        {.name = "nothing", .seed = 2, .count = 0, .function = Unary::kExp},
        {.name = "several ranges", .seed = 13, .count = 20001, .function = Unary::kExp},
        {.name = "clamp", .seed = 3, .count = 97, .function = Unary::kClamp, .a = -0.5, .b = 0.75},
        {.name = "clamp at the bounds", .seed = 4, .count = 60, .function = Unary::kClamp,
         .a = 0, .b = 1, .x = {Distribution::kTies}},
        {.name = "square", .seed = 5, .count = 65, .function = Unary::kSquare},
        {.name = "log", .seed = 6, .count = 201, .function = Unary::kLog,
         .x = {Distribution::kPositive, 30}},
        {.name = "log, tiny", .seed = 7, .count = 33, .function = Unary::kLog,
         .x = {Distribution::kPositive, 1e-30}},
        {.name = "exp", .seed = 8, .count = 203, .function = Unary::kExp,
         .x = {Distribution::kOrdinary, 5}},
        {.name = "sqrt", .seed = 9, .count = 77, .function = Unary::kSqrt,
         .x = {Distribution::kPositive, 50}},
        {.name = "sqrt of zero", .seed = 10, .count = 5, .function = Unary::kSqrt,
         .x = {Distribution::kZero}},
        {.name = "greater", .seed = 11, .count = 90, .function = Unary::kGreater, .a = 0.25},
        {.name = "greater, equal", .seed = 12, .count = 90, .function = Unary::kGreater, .a = 0,
         .x = {Distribution::kTies}},
        {.name = "one vector", .seed = 15, .count = 4, .function = Unary::kSquare},
        {.name = "less than a vector", .seed = 17, .count = 3, .function = Unary::kSquare},
    };
  }
  static std::vector<UnaryCase> benchmarks() {
    return {{.name = "clamp, 16 images", .count = 16 * 3 * 224 * 224,
             .function = kernels::Unary::kClamp, .a = 0, .b = 1}};
  }
  // clang-format on
};

struct UnaryBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  kernels::Unary function = kernels::Unary::kScale;
  double a = 0, b = 0;
  Fill x = {};

  OFER_BACKWARD_CASE(unary_backward, unary)

  kernels::UnaryArgs<double> bind_forward(Buffers<double>& buffers) const {
    return UnaryCase{.count = count, .function = function, .a = a, .b = b, .x = x}.bind(buffers);
  }
  template <class T>
  kernels::UnaryBackwardArgs<T> bind(Buffers<T>& buffers) const {
    return {.dy = buffers.input("dy", count),
            .x = buffers.input("x", count),
            .dx = buffers.output("dx", count),
            .count = count,
            .function = function,
            .a = a,
            .b = b};
  }
  Index reduction() const { return 1; }
  double flops() const { return 2.0 * static_cast<double>(count); }

  // clang-format off
  static std::vector<UnaryBackwardCase> list() {
    using kernels::Unary;
    return {
        {.name = "scale", .seed = 1, .count = 31, .function = Unary::kScale, .a = 0.3, .b = -1.7},
        // Numbers are multiples of 1/64 and the bounds lie between two of them.
        {.name = "clamp", .seed = 2, .count = 97, .function = Unary::kClamp, .a = -0.4, .b = 0.3,
         .x = {Distribution::kSpaced}},
        {.name = "several ranges", .seed = 9, .count = 20001, .function = Unary::kSquare},
        {.name = "square", .seed = 3, .count = 65, .function = Unary::kSquare},
        {.name = "log", .seed = 4, .count = 40, .function = Unary::kLog,
         .x = {Distribution::kPositive, 3}},
        {.name = "exp", .seed = 5, .count = 66, .function = Unary::kExp},
        {.name = "sqrt", .seed = 6, .count = 47, .function = Unary::kSqrt,
         .x = {Distribution::kPositive, 3}},
        {.name = "greater", .seed = 7, .count = 49, .function = Unary::kGreater, .a = 0.1,
         .x = {Distribution::kSpaced}},
        {.name = "nothing", .seed = 8, .count = 0, .function = Unary::kLog},
        {.name = "one vector and a rest", .seed = 11, .count = 7, .function = Unary::kSquare},
    };
  }
  static std::vector<UnaryBackwardCase> benchmarks() {
    return {{.name = "log, 16 images", .count = 16 * 196, .function = kernels::Unary::kLog,
             .x = {Distribution::kPositive}}};
  }
  // clang-format on
};

}  // namespace ofer::test
