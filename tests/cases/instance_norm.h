// Cases of instance_norm.
#pragma once

#include "tests/cases/norm_terms.h"
#include "tests/support/case.h"

namespace ofer::test {

struct InstanceNormCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index batch = 1, channels = 1, positions = 1;
  double eps = 1e-5;
  kernels::Activation activation = kernels::Activation::kNone;
  double slope = 0;
  bool keep = true, in_place = false;
  Fill x = {};

  OFER_FORWARD_CASE(instance_norm)

  template <class T>
  kernels::InstanceNormArgs<T> bind(Buffers<T>& b) const {
    kernels::InstanceNormArgs<T> args{};
    if (in_place) {
      args.y = b.in_out("x", batch * channels * positions, x);
      args.x = args.y;
    } else {
      args.x = b.input("x", batch * channels * positions, x);
      args.y = b.output("y", batch * channels * positions);
    }
    args.weight = b.input("weight", channels);
    args.bias = b.input("bias", channels);
    args.mean = keep ? b.wide_output("mean", batch * channels) : nullptr;
    args.rstd = keep ? b.wide_output("rstd", batch * channels) : nullptr;
    args.batch = batch;
    args.channels = channels;
    args.positions = positions;
    args.eps = eps;
    args.activation = activation;
    args.slope = slope;
    return args;
  }
  double flops() const { return 8.0 * static_cast<double>(batch * channels * positions); }
  bool images() const { return true; }
  InstanceNormCase with_images(Index n) const {
    InstanceNormCase result = *this;
    result.batch = n;
    return result;
  }

  // clang-format off
  static std::vector<InstanceNormCase> list() {
    using kernels::Activation;
    return {
        {.name = "one position gives the bias", .seed = 1, .batch = 2, .channels = 5,
         .x = {Distribution::kLargeMean}},
        {.name = "no image", .seed = 2, .batch = 0, .channels = 3, .positions = 4},
        {.name = "2x2", .seed = 3, .batch = 3, .channels = 8, .positions = 4, .keep = false},
        {.name = "odd, relu", .seed = 4, .batch = 2, .channels = 7, .positions = 77,
         .activation = Activation::kRelu},
        {.name = "leaky in place", .seed = 5, .batch = 2, .channels = 6, .positions = 64,
         .activation = Activation::kLeakyRelu, .slope = 0.2, .in_place = true},
        {.name = "in place", .seed = 6, .batch = 1, .channels = 3, .positions = 35,
         .keep = false, .in_place = true},
        {.name = "large map", .seed = 7, .batch = 1, .channels = 2, .positions = 4099},
        {.name = "large mean", .seed = 8, .batch = 2, .channels = 3, .positions = 256,
         .activation = Activation::kLeakyRelu, .slope = 0.2, .x = {Distribution::kLargeMean}},
        {.name = "constant maps", .seed = 9, .batch = 2, .channels = 4, .positions = 64,
         .x = {.distribution = Distribution::kConstantRows, .row = 64}},
        {.name = "gelu, tiny", .seed = 10, .batch = 1, .channels = 3, .positions = 50,
         .activation = Activation::kGelu, .x = {Distribution::kOrdinary, 1e-4}},
        {.name = "sigmoid, extreme", .seed = 11, .batch = 2, .channels = 3, .positions = 40,
         .activation = Activation::kSigmoid, .x = {Distribution::kExtreme}},
        // Where a GPU's team of threads for a plane changes, in vectors and alone.
        {.name = "3 positions", .seed = 21, .batch = 1, .channels = 3, .positions = 3},
        {.name = "16 positions", .seed = 22, .batch = 1, .channels = 3, .positions = 16},
        {.name = "17 positions", .seed = 23, .batch = 1, .channels = 3, .positions = 17,
         .activation = Activation::kLeakyRelu, .slope = 0.2, .in_place = true},
        {.name = "65 positions", .seed = 24, .batch = 1, .channels = 3, .positions = 65},
        {.name = "68 positions", .seed = 25, .batch = 1, .channels = 3, .positions = 68,
         .x = {Distribution::kLargeMean}},
        {.name = "256 positions", .seed = 26, .batch = 1, .channels = 3, .positions = 256},
        {.name = "257 positions", .seed = 27, .batch = 1, .channels = 3, .positions = 257,
         .activation = Activation::kLeakyRelu, .slope = 0.2, .in_place = true},
        {.name = "1024 positions", .seed = 28, .batch = 1, .channels = 3, .positions = 1024,
         .x = {Distribution::kLargeMean}},
        {.name = "1025 positions", .seed = 29, .batch = 1, .channels = 3, .positions = 1025},
        {.name = "4096 positions", .seed = 30, .batch = 1, .channels = 3, .positions = 4096},
        {.name = "16384 positions", .seed = 31, .batch = 1, .channels = 1, .positions = 16384},
        {.name = "16387 positions", .seed = 32, .batch = 1, .channels = 1, .positions = 16387,
         .activation = Activation::kLeakyRelu, .slope = 0.2, .in_place = true},
        {.name = "16388 positions", .seed = 33, .batch = 1, .channels = 1, .positions = 16388,
         .x = {Distribution::kShifted}},
        {.name = "many planes of one position", .seed = 40, .batch = 3, .channels = 67},
    };
  }
  static std::vector<InstanceNormCase> benchmarks() {
    return {{.name = "unet level 1, 4 images", .batch = 4, .channels = 256, .positions = 128 * 128,
             .keep = false, .in_place = true},
            {.name = "unet level 7, 4 images", .batch = 4, .channels = 512, .positions = 4,
             .keep = false, .in_place = true}};
  }
  // clang-format on
};

struct InstanceNormBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index batch = 1, channels = 1, positions = 1;
  bool dx = true, dweight = true, dbias = true;
  Fill x = {};

  OFER_BACKWARD_CASE(instance_norm_backward, instance_norm)

  kernels::InstanceNormArgs<double> bind_forward(Buffers<double>& b) const {
    return InstanceNormCase{.batch = batch, .channels = channels, .positions = positions, .x = x}
        .bind(b);
  }
  template <class T>
  kernels::InstanceNormBackwardArgs<T> bind(Buffers<T>& b) const {
    const Index count = batch * channels * positions;
    return {.dy = b.input("dy", count),
            .x = b.input("x", count),
            .weight = b.input("weight", channels),
            .mean = b.wide_input("mean", batch * channels),
            .rstd = b.wide_input("rstd", batch * channels),
            .dx = dx ? b.output("dx", count) : nullptr,
            .dweight = dweight ? b.output("dweight", channels) : nullptr,
            .dbias = dbias ? b.output("dbias", channels) : nullptr,
            .batch = batch,
            .channels = channels,
            .positions = positions};
  }
  double terms(const std::string& result, const Values& values) const {
    return result == "dx" ? norm_terms(values) : 0;
  }
  Index reduction() const { return batch * positions; }
  double flops() const { return 14.0 * static_cast<double>(batch * channels * positions); }

  // clang-format off
  static std::vector<InstanceNormBackwardCase> list() {
    return {
        {.name = "one position", .seed = 1, .batch = 2, .channels = 3},
        {.name = "no image", .seed = 2, .batch = 0, .channels = 3, .positions = 4},
        {.name = "odd", .seed = 3, .batch = 3, .channels = 5, .positions = 21},
        {.name = "even", .seed = 4, .batch = 2, .channels = 4, .positions = 64},
        {.name = "one image", .seed = 5, .batch = 1, .channels = 2, .positions = 130},
        {.name = "mean of 100", .seed = 6, .batch = 2, .channels = 2, .positions = 30,
         .x = {Distribution::kShifted}},
        {.name = "dx alone", .seed = 7, .batch = 2, .channels = 3, .positions = 9,
         .dweight = false, .dbias = false},
        {.name = "dweight alone", .seed = 8, .batch = 2, .channels = 3, .positions = 9,
         .dx = false, .dbias = false},
        {.name = "dbias alone", .seed = 9, .batch = 2, .channels = 3, .positions = 9, .dx = false,
         .dweight = false},
        // Where a GPU's team of threads for a plane changes, in vectors and alone.
        {.name = "16 positions", .seed = 21, .batch = 2, .channels = 2, .positions = 16},
        {.name = "17 positions", .seed = 22, .batch = 2, .channels = 2, .positions = 17},
        {.name = "68 positions", .seed = 23, .batch = 2, .channels = 2, .positions = 68},
        {.name = "65 positions", .seed = 24, .batch = 2, .channels = 2, .positions = 65},
        {.name = "257 positions", .seed = 25, .batch = 2, .channels = 2, .positions = 257},
        {.name = "260 positions", .seed = 26, .batch = 2, .channels = 2, .positions = 260},
        {.name = "1028 positions", .seed = 27, .batch = 2, .channels = 2, .positions = 1028},
        {.name = "4097 positions", .seed = 28, .batch = 2, .channels = 2, .positions = 4097},
        {.name = "16388 positions", .seed = 29, .batch = 1, .channels = 2, .positions = 16388},
        {.name = "many planes", .seed = 40, .batch = 17, .channels = 33, .positions = 2},
    };
  }
  static std::vector<InstanceNormBackwardCase> benchmarks() {
    return {{.name = "unet level 2, 4 images", .batch = 4, .channels = 512,
             .positions = 64 * 64}};
  }
  // clang-format on
};

}  // namespace ofer::test
