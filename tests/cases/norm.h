// Cases of layer_norm, instance_norm and batch_norm.
#pragma once

#include <algorithm>
#include <cmath>

#include "tests/support/case.h"

namespace ofer::test {

// Size of the terms whose difference is dx: w dy / deviation.
inline double norm_terms(const Values& values) {
  double size = 1;
  for (const char* name : {"rstd", "weight", "dy"}) {
    double largest = 0;
    for (double v : values.reals.at(name)) largest = std::max(largest, std::fabs(v));
    size *= largest;
  }
  return size;
}

struct LayerNormCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index rows = 1, columns = 1;
  double eps = 1e-6;
  bool keep = true;  // mean and rstd
  Fill x = {};

  OFER_FORWARD_CASE(layer_norm)

  template <class T>
  kernels::LayerNormArgs<T> bind(Buffers<T>& b) const {
    return {.x = b.input("x", rows * columns, x),
            .weight = b.input("weight", columns),
            .bias = b.input("bias", columns),
            .y = b.output("y", rows * columns),
            .mean = keep ? b.output("mean", rows) : nullptr,
            .rstd = keep ? b.output("rstd", rows) : nullptr,
            .rows = rows,
            .columns = columns,
            .eps = eps};
  }
  double flops() const { return 8.0 * static_cast<double>(rows * columns); }
  bool images() const { return true; }
  LayerNormCase with_images(Index n) const {
    LayerNormCase result = *this;
    result.rows = n * rows;
    return result;
  }

  static std::vector<LayerNormCase> list() {
    return {
        {.name = "one number", .seed = 1},
        {.name = "no rows", .seed = 2, .rows = 0, .columns = 8},
        {.name = "one column", .seed = 3, .rows = 5, .columns = 1},
        {.name = "odd", .seed = 4, .rows = 7, .columns = 37},
        {.name = "even", .seed = 5, .rows = 16, .columns = 128, .keep = false},
        {.name = "one row", .seed = 6, .rows = 1, .columns = 771},
        {.name = "large mean", .seed = 7, .rows = 9, .columns = 96,
         .x = {Distribution::kLargeMean}},
        {.name = "large mean, odd", .seed = 8, .rows = 3, .columns = 517,
         .x = {Distribution::kLargeMean}},
        {.name = "mean of 100", .seed = 9, .rows = 4, .columns = 64,
         .x = {Distribution::kShifted}},
        {.name = "constant rows", .seed = 10, .rows = 6, .columns = 64,
         .x = {.distribution = Distribution::kConstantRows, .row = 64}},
        {.name = "tiny", .seed = 11, .rows = 4, .columns = 48,
         .x = {Distribution::kOrdinary, 1e-5}},
        {.name = "extreme", .seed = 12, .rows = 5, .columns = 40, .x = {Distribution::kExtreme}},
    };
  }
  static std::vector<LayerNormCase> benchmarks() {
    return {{.name = "encoder, 1 image", .rows = 197, .columns = 768, .keep = false},
            {.name = "encoder, 16 images", .rows = 16 * 197, .columns = 768, .keep = false}};
  }
};

struct LayerNormBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index rows = 1, columns = 1;
  bool dx = true, dweight = true, dbias = true;
  Fill x = {};

  OFER_BACKWARD_CASE(layer_norm_backward, layer_norm)

  kernels::LayerNormArgs<double> bind_forward(Buffers<double>& b) const {
    return LayerNormCase{.rows = rows, .columns = columns, .x = x}.bind(b);
  }
  template <class T>
  kernels::LayerNormBackwardArgs<T> bind(Buffers<T>& b) const {
    return {.dy = b.input("dy", rows * columns),
            .x = b.input("x", rows * columns),
            .weight = b.input("weight", columns),
            .mean = b.input("mean", rows),
            .rstd = b.input("rstd", rows),
            .dx = dx ? b.output("dx", rows * columns) : nullptr,
            .dweight = dweight ? b.output("dweight", columns) : nullptr,
            .dbias = dbias ? b.output("dbias", columns) : nullptr,
            .rows = rows,
            .columns = columns};
  }
  double terms(const std::string& result, const Values& values) const {
    return result == "dx" ? norm_terms(values) : 0;
  }
  Index reduction() const { return std::max(rows, columns); }
  double flops() const { return 14.0 * static_cast<double>(rows * columns); }

  static std::vector<LayerNormBackwardCase> list() {
    return {
        {.name = "no rows", .seed = 2, .rows = 0, .columns = 8},
        {.name = "one column", .seed = 3, .rows = 5, .columns = 1},
        {.name = "odd", .seed = 4, .rows = 7, .columns = 13},
        {.name = "one row", .seed = 5, .rows = 1, .columns = 130},
        {.name = "many rows", .seed = 6, .rows = 201, .columns = 6},
        {.name = "mean of 100", .seed = 7, .rows = 4, .columns = 32,
         .x = {Distribution::kShifted}},
        {.name = "dx alone", .seed = 8, .rows = 3, .columns = 10, .dweight = false,
         .dbias = false},
        {.name = "dweight alone", .seed = 9, .rows = 3, .columns = 10, .dx = false,
         .dbias = false},
        {.name = "dbias alone", .seed = 10, .rows = 3, .columns = 10, .dx = false,
         .dweight = false},
    };
  }
  static std::vector<LayerNormBackwardCase> benchmarks() {
    return {{.name = "encoder, 16 images", .rows = 16 * 197, .columns = 768}};
  }
};

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
    args.mean = keep ? b.output("mean", batch * channels) : nullptr;
    args.rstd = keep ? b.output("rstd", batch * channels) : nullptr;
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
    };
  }
  static std::vector<InstanceNormCase> benchmarks() {
    return {{.name = "unet level 1, 4 images", .batch = 4, .channels = 256, .positions = 128 * 128,
             .keep = false, .in_place = true},
            {.name = "unet level 7, 4 images", .batch = 4, .channels = 512, .positions = 4,
             .keep = false, .in_place = true}};
  }
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
            .mean = b.input("mean", batch * channels),
            .rstd = b.input("rstd", batch * channels),
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
    };
  }
  static std::vector<InstanceNormBackwardCase> benchmarks() {
    return {{.name = "unet level 2, 4 images", .batch = 4, .channels = 512,
             .positions = 64 * 64}};
  }
};

struct BatchNormCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index batch = 1, channels = 1, positions = 1;
  bool training = false, keep = false;
  double eps = 1e-5, momentum = 0.1;
  Fill x = {};

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
            .mean = keep ? b.output("mean", channels) : nullptr,
            .rstd = keep ? b.output("rstd", channels) : nullptr,
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

  static std::vector<BatchNormCase> list() {
    return {
        {.name = "running, one number", .seed = 1},
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
    };
  }
  static std::vector<BatchNormCase> benchmarks() {
    return {{.name = "resnet stage 1, 16 images", .batch = 16, .channels = 64,
             .positions = 56 * 56},
            {.name = "training, resnet stage 1, 16 images", .batch = 16, .channels = 64,
             .positions = 56 * 56, .training = true, .keep = true}};
  }
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
    return BatchNormCase{.batch = batch, .channels = channels, .positions = positions,
                         .training = training, .keep = true, .x = x}
        .bind(b);
  }
  template <class T>
  kernels::BatchNormBackwardArgs<T> bind(Buffers<T>& b) const {
    const Index count = batch * channels * positions;
    return {.dy = b.input("dy", count),
            .x = b.input("x", count),
            .weight = b.input("weight", channels),
            .mean = b.input("mean", channels),
            .rstd = b.input("rstd", channels),
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
    };
  }
  static std::vector<BatchNormBackwardCase> benchmarks() {
    return {{.name = "training, resnet stage 1, 16 images", .batch = 16, .channels = 64,
             .positions = 56 * 56}};
  }
};

}  // namespace ofer::test
