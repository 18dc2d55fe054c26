// Cases of sgd and adam.
#pragma once

#include <cmath>

#include "tests/support/case.h"

namespace ofer::test {

struct SgdCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  double rate = 0.1, momentum = 0.9, weight_decay = 1e-4, gradient_scale = 1;
  bool nesterov = false, velocity = true;

  OFER_FORWARD_CASE(sgd)

  template <class T>
  kernels::SgdArgs<T> bind(Buffers<T>& b) const {
    return {.parameter = b.in_out("parameter", count),
            .gradient = b.input("gradient", count),
            .velocity = velocity ? b.in_out("velocity", count) : nullptr,
            .count = count,
            .rate = rate,
            .momentum = momentum,
            .weight_decay = weight_decay,
            .gradient_scale = gradient_scale,
            .nesterov = nesterov};
  }
  double flops() const { return 7.0 * static_cast<double>(count); }

  // clang-format off
  static std::vector<SgdCase> list() {
    return {{.name = "one", .seed = 1},
            {.name = "nothing", .seed = 2, .count = 0},
            {.name = "odd", .seed = 3, .count = 333},
            {.name = "nesterov", .seed = 4, .count = 300, .nesterov = true},
            {.name = "no velocity", .seed = 5, .count = 77, .momentum = 0, .velocity = false},
            {.name = "velocity, but no momentum", .seed = 6, .count = 77, .momentum = 0},
            {.name = "scaled gradient, large decay", .seed = 7, .count = 1025,
             .weight_decay = 0.3, .gradient_scale = 0.125},
            {.name = "several ranges", .seed = 8, .count = 50001}};
  }
  static std::vector<SgdCase> benchmarks() {
    return {{.name = "10 M parameters", .count = 10'000'000}};
  }
  // clang-format on
};

struct AdamCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  double rate = 1e-3, weight_decay = 0, gradient_scale = 1;
  bool decoupled = false;
  int step = 3;

  OFER_FORWARD_CASE(adam)

  template <class T>
  kernels::AdamArgs<T> bind(Buffers<T>& b) const {
    return {.parameter = b.in_out("parameter", count),
            .gradient = b.input("gradient", count),
            .first = b.in_out("first", count),
            .second = b.in_out("second", count, {Distribution::kPositive}),
            .count = count,
            .rate = rate,
            .beta1 = 0.9,
            .beta2 = 0.999,
            .eps = 1e-8,
            .weight_decay = weight_decay,
            .gradient_scale = gradient_scale,
            .correction1 = 1 - std::pow(0.9, step),
            .correction2 = 1 - std::pow(0.999, step),
            .decoupled = decoupled};
  }
  double flops() const { return 15.0 * static_cast<double>(count); }

  // clang-format off
  static std::vector<AdamCase> list() {
    return {{.name = "one", .seed = 1},
            {.name = "nothing", .seed = 2, .count = 0},
            {.name = "first step", .seed = 3, .count = 333, .step = 1},
            {.name = "late step", .seed = 4, .count = 500, .step = 100000},
            {.name = "coupled decay", .seed = 5, .count = 257, .weight_decay = 0.05},
            {.name = "decoupled decay", .seed = 6, .count = 257, .rate = 0.01,
             .weight_decay = 0.05, .decoupled = true},
            {.name = "scaled gradient", .seed = 7, .count = 40, .gradient_scale = 0.03125},
            {.name = "several ranges", .seed = 8, .count = 50001}};
  }
  static std::vector<AdamCase> benchmarks() {
    return {{.name = "10 M parameters", .count = 10'000'000}};
  }
  // clang-format on
};

}  // namespace ofer::test
