// Cases of batch_norm.
#pragma once

#include "tests/cases/norm_terms.h"
#include "tests/support/case.h"

namespace ofer::test {

struct BatchNormCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index batch = 1, channels = 1, positions = 1;
  bool training = false, keep = false;
  double eps = 1e-5, momentum = 0.1;
  Fill x = {};
  bool ill_conditioned = false;

  OFER_FORWARD_CASE(batch_norm)

  template <class T>
  kernels::BatchNormArgs<T> bind(Buffers<T>& b) const {
    const Index count = batch * channels * positions;
    return {.x = b.input("x", count, x),
            .weight = b.input("weight", channels),
            .bias = b.input("bias", channels),
            .running_mean = b.in_out("running_mean", channels),
            .running_variance = b.in_out("running_variance", channels, {Distribution::kPositive}),
            .y = b.output("y", count),
            .mean = keep ? b.wide_output("mean", channels) : nullptr,
            .rstd = keep ? b.wide_output("rstd", channels) : nullptr,
            .batch = batch,
            .channels = channels,
            .positions = positions,
            .eps = eps,
            .momentum = momentum,
            .training = training};
  }
  double flops() const {
    return (training ? 8.0 : 4.0) * static_cast<double>(batch * channels * positions);
  }
  bool images() const { return !training; }
  BatchNormCase with_images(Index n) const {
    BatchNormCase result = *this;
    result.batch = n;
    return result;
  }

  // clang-format off
  static std::vector<BatchNormCase> list() {
    return {
        // All of the result is one difference, of which the terms are five times as large.
        {.name = "running, one number", .seed = 1, .ill_conditioned = true},
        {.name = "running, no image", .seed = 2, .batch = 0, .channels = 3, .positions = 4},
        {.name = "running, odd", .seed = 3, .batch = 3, .channels = 7, .positions = 35},
        {.name = "running, rows", .seed = 4, .batch = 9, .channels = 33, .positions = 1},
        {.name = "running, kept", .seed = 12, .batch = 2, .channels = 9, .positions = 5,
         .keep = true},
        {.name = "running, large mean", .seed = 5, .batch = 2, .channels = 3, .positions = 16,
         .x = {Distribution::kLargeMean}},
        {.name = "training, odd", .seed = 6, .batch = 3, .channels = 5, .positions = 49,
         .training = true, .keep = true},
        {.name = "training, rows", .seed = 7, .batch = 32, .channels = 19, .positions = 1,
         .training = true, .keep = true, .momentum = 0.01},
        {.name = "training, one image", .seed = 8, .batch = 1, .channels = 4, .positions = 64,
         .training = true, .keep = true},
        {.name = "training, two values", .seed = 9, .batch = 2, .channels = 6, .positions = 1,
         .training = true, .keep = true, .momentum = 1},
        {.name = "training, large mean", .seed = 10, .batch = 4, .channels = 3, .positions = 60,
         .training = true, .keep = true, .x = {Distribution::kLargeMean}},
        {.name = "training, constant", .seed = 11, .batch = 2, .channels = 1, .positions = 32,
         .training = true, .keep = true,
         .x = {.distribution = Distribution::kConstantRows, .row = 64}},
        // A GPU takes a channel in parts of 4096 elements: one, one and a bit, several; a part may
        // begin in the middle of a run.
        {.name = "training, one whole part", .seed = 20, .batch = 1024, .channels = 2,
         .positions = 4, .training = true, .keep = true},
        {.name = "training, 4097 rows", .seed = 21, .batch = 4097, .channels = 2, .positions = 1,
         .training = true, .keep = true, .x = {Distribution::kShifted}},
        // So many rows that a bias in the rounding of x - mean shows in double.
        {.name = "training, 4096 rows", .seed = 26, .batch = 4096, .channels = 16, .positions = 1,
         .training = true, .keep = true},
        {.name = "training, several parts", .seed = 22, .batch = 90, .channels = 2,
         .positions = 100, .training = true, .keep = true},
        {.name = "training, several parts, odd", .seed = 23, .batch = 3, .channels = 2,
         .positions = 2801, .training = true, .keep = true},
        {.name = "training, in vectors", .seed = 25, .batch = 2, .channels = 3,
         .positions = 8, .training = true, .keep = true},
    };
  }
  static std::vector<BatchNormCase> benchmarks() {
    return {{.name = "resnet stage 1, 16 images", .batch = 16, .channels = 64,
             .positions = 56 * 56},
            {.name = "training, resnet stage 1, 16 images", .batch = 16, .channels = 64,
             .positions = 56 * 56, .training = true, .keep = true}};
  }
  // clang-format on
};

struct BatchNormBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index batch = 1, channels = 1, positions = 1;
  bool training = true;
  bool dx = true, dweight = true, dbias = true;
  Fill x = {};

  OFER_BACKWARD_CASE(batch_norm_backward, batch_norm)

  kernels::BatchNormArgs<double> bind_forward(Buffers<double>& b) const {
    return BatchNormCase{.batch = batch,
                         .channels = channels,
                         .positions = positions,
                         .training = training,
                         .keep = true,
                         .x = x}
        .bind(b);
  }
  template <class T>
  kernels::BatchNormBackwardArgs<T> bind(Buffers<T>& b) const {
    const Index count = batch * channels * positions;
    return {.dy = b.input("dy", count),
            .x = b.input("x", count),
            .weight = b.input("weight", channels),
            .mean = b.wide_input("mean", channels),
            .rstd = b.wide_input("rstd", channels),
            .dx = dx ? b.output("dx", count) : nullptr,
            .dweight = dweight ? b.output("dweight", channels) : nullptr,
            .dbias = dbias ? b.output("dbias", channels) : nullptr,
            .batch = batch,
            .channels = channels,
            .positions = positions,
            .training = training};
  }
  double terms(const std::string& result, const Values& values) const {
    return result == "dx" ? norm_terms(values) : 0;
  }
  Index reduction() const { return batch * positions; }
  double flops() const { return 14.0 * static_cast<double>(batch * channels * positions); }

  // clang-format off
  static std::vector<BatchNormBackwardCase> list() {
    return {
        {.name = "training, odd", .seed = 1, .batch = 3, .channels = 5, .positions = 7},
        {.name = "training, rows", .seed = 2, .batch = 16, .channels = 6, .positions = 1},
        {.name = "training, one image", .seed = 3, .batch = 1, .channels = 3, .positions = 64},
        {.name = "training, mean of 100", .seed = 4, .batch = 2, .channels = 2, .positions = 20,
         .x = {Distribution::kShifted}},
        {.name = "training, dx alone", .seed = 5, .batch = 2, .channels = 3, .positions = 5,
         .dweight = false, .dbias = false},
        {.name = "training, dweight alone", .seed = 6, .batch = 2, .channels = 3, .positions = 5,
         .dx = false, .dbias = false},
        {.name = "training, dbias alone", .seed = 7, .batch = 2, .channels = 3, .positions = 5,
         .dx = false, .dweight = false},
        {.name = "running, odd", .seed = 8, .batch = 3, .channels = 5, .positions = 7,
         .training = false},
        {.name = "running, rows", .seed = 9, .batch = 16, .channels = 6, .positions = 1,
         .training = false},
        {.name = "running, no image", .seed = 10, .batch = 0, .channels = 6, .positions = 4,
         .training = false},
        {.name = "training, several parts", .seed = 20, .batch = 45, .channels = 2,
         .positions = 100},
        {.name = "training, several parts, odd", .seed = 21, .batch = 3, .channels = 2,
         .positions = 1401},
        {.name = "running, several parts", .seed = 22, .batch = 45, .channels = 2,
         .positions = 100, .training = false},
        {.name = "running, dx alone", .seed = 23, .batch = 2, .channels = 3, .positions = 8,
         .training = false, .dweight = false, .dbias = false},
    };
  }
  static std::vector<BatchNormBackwardCase> benchmarks() {
    return {{.name = "training, resnet stage 1, 16 images", .batch = 16, .channels = 64,
             .positions = 56 * 56}};
  }
  // clang-format on
};

}  // namespace ofer::test
