// Cases of activation.
#pragma once

#include <algorithm>
#include <cmath>

#include "tests/support/case.h"

namespace ofer::test {

struct ActivationCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  kernels::Activation activation = kernels::Activation::kNone;
  double slope = 0;
  Fill x = {};

  OFER_FORWARD_CASE(activation)

  template <class T>
  kernels::ActivationArgs<T> bind(Buffers<T>& b) const {
    return {.x = b.input("x", count, x),
            .y = b.output("y", count),
            .count = count,
            .activation = activation,
            .slope = slope};
  }
  double flops() const { return static_cast<double>(count); }
  bool images() const { return true; }
  ActivationCase with_images(Index n) const {
    ActivationCase result = *this;
    result.count = n * count;
    return result;
  }

  // clang-format off
  static std::vector<ActivationCase> list() {
    using kernels::Activation;
    return {
        {.name = "none", .seed = 1, .count = 37},
        {.name = "nothing", .seed = 2, .count = 0, .activation = Activation::kGelu},
        {.name = "gelu", .seed = 3, .count = 1001, .activation = Activation::kGelu,
         .x = {Distribution::kOrdinary, 2}},
        {.name = "gelu, one", .seed = 4, .count = 1, .activation = Activation::kGelu},
        {.name = "gelu, tiny", .seed = 5, .count = 77, .activation = Activation::kGelu,
         .x = {Distribution::kOrdinary, 1e-20}},
        {.name = "gelu, extreme", .seed = 6, .count = 123, .activation = Activation::kGelu,
         .x = {Distribution::kExtreme}},
        {.name = "relu", .seed = 7, .count = 131, .activation = Activation::kRelu},
        {.name = "relu, zeros", .seed = 8, .count = 40, .activation = Activation::kRelu,
         .x = {Distribution::kTies}},
        {.name = "leaky", .seed = 9, .count = 517, .activation = Activation::kLeakyRelu,
         .slope = 0.2},
        {.name = "sigmoid", .seed = 10, .count = 999, .activation = Activation::kSigmoid,
         .x = {Distribution::kOrdinary, 4}},
        {.name = "sigmoid, extreme", .seed = 11, .count = 64, .activation = Activation::kSigmoid,
         .x = {Distribution::kExtreme}},
        {.name = "several ranges", .seed = 12, .count = 40001, .activation = Activation::kGelu},
    };
  }
  static std::vector<ActivationCase> benchmarks() {
    return {{.name = "gelu, 16 images", .count = 16 * 197 * 3072,
             .activation = kernels::Activation::kGelu},
            {.name = "relu, 16 images", .count = 16 * 64 * 56 * 56,
             .activation = kernels::Activation::kRelu}};
  }
  // clang-format on
};

struct ActivationBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  kernels::Activation activation = kernels::Activation::kNone;
  double slope = 0;
  Fill x = {Distribution::kAwayFromZero, 3};
  bool in_place = false;

  OFER_BACKWARD_CASE(activation_backward, activation)

  kernels::ActivationArgs<double> bind_forward(Buffers<double>& b) const {
    return ActivationCase{.count = count, .activation = activation, .slope = slope, .x = x}.bind(b);
  }
  template <class T>
  kernels::ActivationBackwardArgs<T> bind(Buffers<T>& b) const {
    kernels::ActivationBackwardArgs<T> args{};
    args.x = b.input("x", count);
    if (in_place) {
      args.dx = b.in_out("dy", count);
      args.dy = args.dx;
      b.alias("dx", "dy");
    } else {
      args.dy = b.input("dy", count);
      args.dx = b.output("dx", count);
    }
    args.count = count;
    args.activation = activation;
    args.slope = slope;
    return args;
  }
  // dy f', where f' is a sum of two terms that are no larger than 1.
  double terms(const std::string&, const Values& values) const {
    double largest = 0;
    for (double v : values.reals.at("dy")) largest = std::max(largest, std::fabs(v));
    return largest;
  }
  Index reduction() const { return 1; }
  double flops() const { return 2.0 * static_cast<double>(count); }

  // clang-format off
  static std::vector<ActivationBackwardCase> list() {
    using kernels::Activation;
    return {
        {.name = "none", .seed = 1, .count = 19},
        {.name = "gelu", .seed = 2, .count = 203, .activation = Activation::kGelu},
        {.name = "gelu in place", .seed = 3, .count = 64, .activation = Activation::kGelu,
         .in_place = true},
        {.name = "relu", .seed = 4, .count = 75, .activation = Activation::kRelu},
        {.name = "leaky", .seed = 5, .count = 75, .activation = Activation::kLeakyRelu,
         .slope = 0.2},
        {.name = "leaky in place", .seed = 6, .count = 33, .activation = Activation::kLeakyRelu,
         .slope = 0.2, .in_place = true},
        {.name = "sigmoid", .seed = 7, .count = 130, .activation = Activation::kSigmoid},
        {.name = "nothing", .seed = 8, .count = 0, .activation = Activation::kSigmoid},
        {.name = "several ranges", .seed = 9, .count = 20001, .activation = Activation::kRelu},
    };
  }
  static std::vector<ActivationBackwardCase> benchmarks() {
    return {{.name = "gelu, 16 images", .count = 16 * 197 * 3072,
             .activation = kernels::Activation::kGelu}};
  }
  // clang-format on
};

}  // namespace ofer::test
