// Cases of reduce.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct ReduceCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index outer = 1, length = 1, inner = 1;
  kernels::Reduction function = kernels::Reduction::kSum;
  bool keep = false;
  Fill x = {};

  OFER_FORWARD_CASE(reduce)

  template <class T>
  kernels::ReduceArgs<T> bind(Buffers<T>& b) const {
    return {.x = b.input("x", outer * length * inner, x),
            .y = b.output("y", outer * inner),
            .argument = keep ? b.index_output("argument", outer * inner) : nullptr,
            .outer = outer,
            .length = length,
            .inner = inner,
            .function = function};
  }
  double flops() const { return static_cast<double>(outer * length * inner); }
  bool images() const { return true; }
  ReduceCase with_images(Index n) const {
    ReduceCase result = *this;
    result.outer = n * outer;
    return result;
  }

  // clang-format off
  static std::vector<ReduceCase> list() {
    using kernels::Reduction;
    return {
        {.name = "sum of one", .seed = 1},
        {.name = "nothing", .seed = 2, .outer = 0, .length = 5, .inner = 3},
        {.name = "sum of none", .seed = 3, .outer = 3, .length = 0, .inner = 2},
        {.name = "sum, last axis", .seed = 4, .outer = 9, .length = 37, .inner = 1},
        {.name = "sum, middle axis", .seed = 5, .outer = 3, .length = 21, .inner = 19},
        {.name = "sum, first axis", .seed = 6, .outer = 1, .length = 33, .inner = 47},
        {.name = "mean, last axis", .seed = 7, .outer = 5, .length = 49, .inner = 1,
         .function = Reduction::kMean},
        {.name = "mean, middle axis", .seed = 8, .outer = 2, .length = 7, .inner = 65,
         .function = Reduction::kMean},
        // A plain running sum is off by hundreds of roundings here.
        {.name = "long sum of positive numbers", .seed = 9, .outer = 2, .length = 150001,
         .inner = 1, .x = {Distribution::kPositive}},
        {.name = "long sum, several columns", .seed = 10, .outer = 1, .length = 40000, .inner = 3,
         .x = {Distribution::kPositive}},
        {.name = "long mean, large mean", .seed = 11, .outer = 1, .length = 50177, .inner = 1,
         .function = Reduction::kMean, .x = {Distribution::kLargeMean}},
        {.name = "long sum, many columns", .seed = 20, .outer = 1, .length = 4500, .inner = 70,
         .x = {Distribution::kPositive}},
        {.name = "maximum, many columns", .seed = 21, .outer = 2, .length = 5, .inner = 150,
         .function = Reduction::kMaximum, .keep = true},
        {.name = "maximum, last axis", .seed = 12, .outer = 7, .length = 35, .inner = 1,
         .function = Reduction::kMaximum, .keep = true},
        {.name = "maximum, middle axis", .seed = 13, .outer = 2, .length = 9, .inner = 21,
         .function = Reduction::kMaximum, .keep = true},
        {.name = "maximum, ties", .seed = 14, .outer = 5, .length = 40, .inner = 1,
         .function = Reduction::kMaximum, .keep = true, .x = {Distribution::kTies}},
        {.name = "minimum, ties", .seed = 15, .outer = 3, .length = 24, .inner = 5,
         .function = Reduction::kMinimum, .keep = true, .x = {Distribution::kTies}},
        {.name = "minimum of positive numbers", .seed = 16, .outer = 4, .length = 33, .inner = 1,
         .function = Reduction::kMinimum, .x = {Distribution::kPositive}},
        {.name = "maximum of negative numbers", .seed = 17, .outer = 4, .length = 33, .inner = 1,
         .function = Reduction::kMaximum, .x = {Distribution::kNegative}},
        {.name = "minimum of one", .seed = 18, .outer = 3, .length = 1, .inner = 4,
         .function = Reduction::kMinimum, .keep = true},
        {.name = "extreme values", .seed = 19, .outer = 6, .length = 50, .inner = 1,
         .x = {Distribution::kExtreme}},
        // Where a GPU's team of threads for a row changes, in vectors and alone.
        {.name = "sum of 4", .seed = 31, .outer = 5, .length = 4},
        {.name = "sum of 16", .seed = 32, .outer = 5, .length = 16},
        {.name = "sum of 64", .seed = 33, .outer = 5, .length = 64},
        {.name = "sum of 65", .seed = 34, .outer = 5, .length = 65},
        {.name = "sum of 256", .seed = 35, .outer = 5, .length = 256},
        {.name = "sum of 257", .seed = 36, .outer = 5, .length = 257},
        {.name = "sum of 1024", .seed = 37, .outer = 5, .length = 1024},
        {.name = "sum of 4096", .seed = 38, .outer = 2, .length = 4096},
        {.name = "sum of 4100", .seed = 39, .outer = 2, .length = 4100},
        {.name = "sum of 16384", .seed = 40, .outer = 2, .length = 16384},
        {.name = "sum of 16385", .seed = 41, .outer = 2, .length = 16385},
        {.name = "sum of 32772", .seed = 42, .outer = 2, .length = 32772},
        {.name = "maximum of 16", .seed = 43, .outer = 3, .length = 16,
         .function = Reduction::kMinimum, .keep = true, .x = {Distribution::kTies}},
        {.name = "maximum of 64", .seed = 44, .outer = 3, .length = 64,
         .function = Reduction::kMaximum, .keep = true, .x = {Distribution::kTies}},
        {.name = "maximum of 65", .seed = 45, .outer = 3, .length = 65,
         .function = Reduction::kMinimum, .keep = true, .x = {Distribution::kOrdinary}},
        {.name = "maximum of 256", .seed = 46, .outer = 3, .length = 256,
         .function = Reduction::kMaximum, .keep = true, .x = {Distribution::kTies}},
        {.name = "maximum of 257", .seed = 47, .outer = 3, .length = 257,
         .function = Reduction::kMinimum, .keep = true, .x = {Distribution::kTies}},
        {.name = "maximum of 1024", .seed = 48, .outer = 3, .length = 1024,
         .function = Reduction::kMaximum, .keep = true, .x = {Distribution::kOrdinary}},
        {.name = "maximum of 4097", .seed = 49, .outer = 1, .length = 4097,
         .function = Reduction::kMinimum, .keep = true, .x = {Distribution::kTies}},
        {.name = "maximum of 16384", .seed = 50, .outer = 1, .length = 16384,
         .function = Reduction::kMaximum, .keep = true, .x = {Distribution::kTies}},
        {.name = "maximum of 16385", .seed = 51, .outer = 1, .length = 16385,
         .function = Reduction::kMinimum, .keep = true, .x = {Distribution::kOrdinary}},
        // One part of the steps and two; one strip of columns and two.
        {.name = "sum of 128 steps, 32 columns", .seed = 60, .outer = 2, .length = 128,
         .inner = 32},
        {.name = "mean of 129 steps, 33 columns", .seed = 61, .outer = 2, .length = 129,
         .inner = 33, .function = Reduction::kMean},
        {.name = "sum over 512 channels", .seed = 62, .outer = 2, .length = 512, .inner = 49},
        {.name = "maximum of 65 steps, 33 columns", .seed = 63, .outer = 2, .length = 65,
         .inner = 33, .function = Reduction::kMaximum, .keep = true, .x = {Distribution::kTies}},
    };
  }
  static std::vector<ReduceCase> benchmarks() {
    return {{.name = "global average, 16 images", .outer = 16 * 512, .length = 49,
             .function = kernels::Reduction::kMean},
            {.name = "sum over channels, 16 images", .outer = 16, .length = 512, .inner = 49}};
  }
  // clang-format on
};

struct ReduceBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index outer = 1, length = 1, inner = 1;
  kernels::Reduction function = kernels::Reduction::kSum;

  OFER_BACKWARD_CASE(reduce_backward, reduce)

  bool extreme() const {
    return function == kernels::Reduction::kMaximum || function == kernels::Reduction::kMinimum;
  }
  kernels::ReduceArgs<double> bind_forward(Buffers<double>& b) const {
    return ReduceCase{.outer = outer,
                      .length = length,
                      .inner = inner,
                      .function = function,
                      .keep = extreme(),
                      .x = {Distribution::kSpaced}}
        .bind(b);
  }
  template <class T>
  kernels::ReduceBackwardArgs<T> bind(Buffers<T>& b) const {
    return {.dy = b.input("dy", outer * inner),
            .argument = extreme() ? b.indices("argument", {}) : nullptr,
            .dx = b.output("dx", outer * length * inner),
            .outer = outer,
            .length = length,
            .inner = inner,
            .function = function};
  }
  Index reduction() const { return 1; }
  double flops() const { return static_cast<double>(outer * length * inner); }

  // clang-format off
  static std::vector<ReduceBackwardCase> list() {
    using kernels::Reduction;
    return {
        {.name = "sum", .seed = 1, .outer = 5, .length = 7, .inner = 3},
        {.name = "sum, last axis", .seed = 2, .outer = 5, .length = 31, .inner = 1},
        {.name = "mean", .seed = 3, .outer = 2, .length = 9, .inner = 5,
         .function = Reduction::kMean},
        {.name = "mean, last axis", .seed = 4, .outer = 3, .length = 49, .inner = 1,
         .function = Reduction::kMean},
        {.name = "maximum", .seed = 5, .outer = 3, .length = 6, .inner = 5,
         .function = Reduction::kMaximum},
        {.name = "minimum, last axis", .seed = 6, .outer = 6, .length = 11, .inner = 1,
         .function = Reduction::kMinimum},
        {.name = "nothing", .seed = 7, .outer = 0, .length = 3, .inner = 2},
    };
  }
  static std::vector<ReduceBackwardCase> benchmarks() {
    return {{.name = "global average, 16 images", .outer = 16 * 512, .length = 49,
             .function = kernels::Reduction::kMean}};
  }
  // clang-format on
};

}  // namespace ofer::test
