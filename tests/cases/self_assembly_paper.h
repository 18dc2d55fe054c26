// Cases of self_assembly_paper.
#pragma once

#include "tests/cases/assembly_input.h"
#include "tests/support/case.h"

namespace ofer::test {

struct SelfAssemblyPaperCase {
  const char* name = "";
  std::uint64_t seed = 1;
  AssemblyInput input = {};
  bool keep = true;

  OFER_FORWARD_CASE(self_assembly_paper)

  template <class T>
  kernels::SelfAssemblyPaperArgs<T> bind(Buffers<T>& b) const {
    const Index places = input.batch * input.positions();
    return {.x = b.input("x", input.x_values(seed)),
            .f = b.input("f", input.size(), input.f),
            .hole = b.input("hole", input.hole_values(seed)),
            .y = b.output("y", input.size()),
            .best = keep ? b.index_output("best", places) : nullptr,
            .weights = keep ? b.output("weights", places * 3) : nullptr,
            .batch = input.batch,
            .channels = input.channels,
            .height = input.height,
            .width = input.width};
  }
  double flops() const { return input.flops(seed, false); }
  bool images() const { return true; }
  SelfAssemblyPaperCase with_images(Index n) const {
    SelfAssemblyPaperCase result = *this;
    result.input.batch = n;
    return result;
  }

  // clang-format off
  static std::vector<SelfAssemblyPaperCase> list() {
    const Fill positive = {Distribution::kPositive}, none = {Distribution::kZero},
               all = {Distribution::kOne};
    return {
        {.name = "ordinary", .seed = 1,
         .input = {.batch = 3, .channels = 16, .height = 6, .width = 7}},
        {.name = "positive", .seed = 2,
         .input = {.batch = 2, .channels = 9, .height = 5, .width = 5, .x = positive,
                   .f = positive}},
        {.name = "nothing masked", .seed = 3,
         .input = {.batch = 2, .channels = 5, .height = 4, .width = 4, .hole = none}},
        {.name = "everything masked", .seed = 4,
         .input = {.batch = 2, .channels = 5, .height = 4, .width = 3, .hole = all}},
        {.name = "no image", .seed = 5,
         .input = {.batch = 0, .channels = 5, .height = 4, .width = 3}},
        {.name = "one known position", .seed = 6,
         .input = {.batch = 1, .channels = 6, .height = 1, .width = 1, .hole = none}},
        {.name = "one masked position", .seed = 7,
         .input = {.batch = 1, .channels = 6, .height = 1, .width = 1, .hole = all}},
        {.name = "one row, not kept", .seed = 8,
         .input = {.batch = 2, .channels = 8, .height = 1, .width = 13}, .keep = false},
        {.name = "one column", .seed = 9,
         .input = {.batch = 1, .channels = 8, .height = 11, .width = 1}},
        {.name = "no similarity", .seed = 10,
         .input = {.batch = 2, .channels = 4, .height = 4, .width = 5, .x = positive,
                   .f = positive, .opposed = true}},
        {.name = "vectors of length zero", .seed = 11,
         .input = {.batch = 2, .channels = 4, .height = 4, .width = 5, .zero = true}},
        {.name = "many masked", .seed = 14,
         .input = {.batch = 1, .channels = 20, .height = 17, .width = 18}},
        {.name = "many known", .seed = 15,
         .input = {.batch = 1, .channels = 8, .height = 34, .width = 33,
                   .hole = {Distribution::kSparse}}},
        {.name = "a hole of quarters", .seed = 12,
         .input = {.batch = 1, .channels = 33, .height = 8, .width = 8,
                   .hole = {Distribution::kMask, 0.25}}},
        {.name = "many channels", .seed = 13,
         .input = {.batch = 1, .channels = 130, .height = 7, .width = 9}},
        {.name = "more channels than 512", .seed = 16,
         .input = {.batch = 1, .channels = 523, .height = 3, .width = 5}},
        {.name = "equal similarities", .seed = 17,
         .input = {.batch = 2, .channels = 3, .height = 9, .width = 16,
                   .x = {Distribution::kTies}}},
        {.name = "equal similarities far apart", .seed = 18,
         .input = {.batch = 1, .channels = 2, .height = 47, .width = 47,
                   .hole = {Distribution::kSparse}, .x = {Distribution::kTies}}},
    };
  }
  static std::vector<SelfAssemblyPaperCase> benchmarks() {
    return {{.name = "4 images",
             .input = {.batch = 4, .channels = 512, .height = 32, .width = 32}}};
  }
  // clang-format on
};

struct SelfAssemblyPaperBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  AssemblyInput input = {};

  OFER_BACKWARD_CASE(self_assembly_paper_backward, self_assembly_paper)

  kernels::SelfAssemblyPaperArgs<double> bind_forward(Buffers<double>& b) const {
    return SelfAssemblyPaperCase{.seed = seed, .input = input}.bind(b);
  }
  template <class T>
  kernels::SelfAssemblyPaperBackwardArgs<T> bind(Buffers<T>& b) const {
    const Index places = input.batch * input.positions();
    return {.dy = b.input("dy", input.size()),
            .x = b.input("x", input.size()),
            .f = b.input("f", input.size()),
            .hole = b.input("hole", places),
            .y = b.input("y", input.size()),
            .best = b.indices("best", {}),
            .weights = b.input("weights", places * 3),
            .dx = b.output("dx", input.size()),
            .df = b.output("df", input.size()),
            .batch = input.batch,
            .channels = input.channels,
            .height = input.height,
            .width = input.width};
  }
  Index reduction() const { return input.positions() * 9; }
  double flops() const { return 40.0 * static_cast<double>(input.size()); }

  // clang-format off
  static std::vector<SelfAssemblyPaperBackwardCase> list() {
    const Fill positive = {Distribution::kPositive}, none = {Distribution::kZero},
               all = {Distribution::kOne};
    return {
        {.name = "ordinary", .seed = 1,
         .input = {.batch = 2, .channels = 7, .height = 4, .width = 5}},
        {.name = "positive", .seed = 2,
         .input = {.batch = 1, .channels = 6, .height = 5, .width = 4, .x = positive,
                   .f = positive}},
        {.name = "nothing masked", .seed = 3,
         .input = {.batch = 2, .channels = 3, .height = 3, .width = 3, .hole = none}},
        {.name = "everything masked", .seed = 4,
         .input = {.batch = 1, .channels = 5, .height = 3, .width = 4, .hole = all}},
        {.name = "one masked position", .seed = 5,
         .input = {.batch = 1, .channels = 5, .height = 1, .width = 1, .hole = all}},
        {.name = "no similarity", .seed = 6,
         .input = {.batch = 1, .channels = 4, .height = 4, .width = 4, .x = positive,
                   .f = positive, .opposed = true}},
        {.name = "no image", .seed = 7,
         .input = {.batch = 0, .channels = 4, .height = 4, .width = 4}},
        {.name = "many masked", .seed = 8,
         .input = {.batch = 1, .channels = 18, .height = 8, .width = 9,
                   .hole = {Distribution::kOne}}},
        {.name = "more channels than 512", .seed = 9,
         .input = {.batch = 1, .channels = 523, .height = 3, .width = 4}},
        {.name = "several tiles", .seed = 10,
         .input = {.batch = 1, .channels = 37, .height = 11, .width = 13}},
    };
  }
  static std::vector<SelfAssemblyPaperBackwardCase> benchmarks() {
    return {{.name = "4 images",
             .input = {.batch = 4, .channels = 512, .height = 32, .width = 32}}};
  }
  // clang-format on
};

}  // namespace ofer::test
