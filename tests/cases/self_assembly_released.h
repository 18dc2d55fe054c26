// Cases of self_assembly_released.
#pragma once

#include "tests/cases/assembly_input.h"
#include "tests/support/case.h"

namespace ofer::test {

struct SelfAssemblyReleasedCase {
  const char* name = "";
  std::uint64_t seed = 1;
  AssemblyInput input = {};
  bool keep = true;

  OFER_FORWARD_CASE(self_assembly_released)

  template <class T>
  kernels::SelfAssemblyReleasedArgs<T> bind(Buffers<T>& b) const {
    const Index places = input.batch * input.positions();
    return {.x = b.input("x", input.x_values(seed)),
            .f = b.input("f", input.size(), input.f),
            .hole = b.input("hole", input.hole_values(seed)),
            .y = b.output("y", input.size()),
            // The header says nothing of positions where nothing is assembled.
            .best = keep ? b.index_output("best", places, true) : nullptr,
            .shares = keep ? b.output("shares", places * 2) : nullptr,
            .batch = input.batch,
            .channels = input.channels,
            .height = input.height,
            .width = input.width};
  }
  double flops() const { return input.flops(seed, true); }
  bool images() const { return true; }
  SelfAssemblyReleasedCase with_images(Index n) const {
    SelfAssemblyReleasedCase result = *this;
    result.input.batch = n;
    return result;
  }

  // clang-format off
  static std::vector<SelfAssemblyReleasedCase> list() {
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
        {.name = "one row, not kept", .seed = 6,
         .input = {.batch = 2, .channels = 8, .height = 1, .width = 13, .x = positive,
                   .f = positive}, .keep = false},
        {.name = "one column", .seed = 7,
         .input = {.batch = 1, .channels = 8, .height = 11, .width = 1, .x = positive,
                   .f = positive}},
        {.name = "vectors of length zero", .seed = 11,
         .input = {.batch = 2, .channels = 4, .height = 4, .width = 5, .f = none, .zero = true}},
        {.name = "many masked", .seed = 12,
         .input = {.batch = 1, .channels = 20, .height = 12, .width = 18, .x = positive,
                   .f = positive}},
        {.name = "many known", .seed = 13,
         .input = {.batch = 1, .channels = 8, .height = 34, .width = 33,
                   .hole = {Distribution::kSparse}, .x = positive, .f = positive}},
        {.name = "a hole of quarters", .seed = 8,
         .input = {.batch = 1, .channels = 33, .height = 8, .width = 8,
                   .hole = {Distribution::kMask, 0.25}, .x = positive, .f = positive}},
        {.name = "many channels", .seed = 9,
         .input = {.batch = 1, .channels = 130, .height = 7, .width = 9}},
        {.name = "more channels than 512", .seed = 14,
         .input = {.batch = 1, .channels = 517, .height = 4, .width = 4, .x = positive,
                   .f = positive}},
        {.name = "equal similarities", .seed = 15,
         .input = {.batch = 2, .channels = 3, .height = 9, .width = 16,
                   .x = {Distribution::kMask}, .f = positive}},
        {.name = "one position, masked", .seed = 10,
         .input = {.batch = 1, .channels = 6, .height = 1, .width = 1, .hole = all}},
    };
  }
  static std::vector<SelfAssemblyReleasedCase> benchmarks() {
    return {{.name = "4 images",
             .input = {.batch = 4, .channels = 512, .height = 32, .width = 32}}};
  }
  // clang-format on
};

struct SelfAssemblyReleasedBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  AssemblyInput input = {};

  OFER_BACKWARD_CASE_OF(self_assembly_released_backward, self_assembly_released,
                        self_assembly_released_given)

  kernels::SelfAssemblyReleasedArgs<double> bind_forward(Buffers<double>& b) const {
    return SelfAssemblyReleasedCase{.seed = seed, .input = input}.bind(b);
  }
  template <class T>
  kernels::SelfAssemblyReleasedBackwardArgs<T> bind(Buffers<T>& b) const {
    const Index places = input.batch * input.positions();
    return {.dy = b.input("dy", input.size()),
            .hole = b.input("hole", places),
            .best = b.indices("best", {}),
            .shares = b.input("shares", places * 2),
            .dx = b.output("dx", input.size()),
            .batch = input.batch,
            .channels = input.channels,
            .height = input.height,
            .width = input.width};
  }
  Index reduction() const { return input.positions(); }
  double flops() const { return 4.0 * static_cast<double>(input.size()); }

  // clang-format off
  static std::vector<SelfAssemblyReleasedBackwardCase> list() {
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
        {.name = "no image", .seed = 5,
         .input = {.batch = 0, .channels = 4, .height = 4, .width = 4}},
        {.name = "several tiles", .seed = 6,
         .input = {.batch = 2, .channels = 37, .height = 11, .width = 13, .x = positive,
                   .f = positive}},
        {.name = "more channels than 512", .seed = 7,
         .input = {.batch = 1, .channels = 517, .height = 3, .width = 4, .x = positive,
                   .f = positive}},
    };
  }
  static std::vector<SelfAssemblyReleasedBackwardCase> benchmarks() {
    return {{.name = "4 images",
             .input = {.batch = 4, .channels = 512, .height = 32, .width = 32}}};
  }
  // clang-format on
};

}  // namespace ofer::test
