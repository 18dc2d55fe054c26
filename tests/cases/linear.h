// Cases of linear.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct LinearCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index rows = 1, in = 1, out = 1;
  bool bias = true, residual = false, in_place = false, pre = false;
  kernels::Activation activation = kernels::Activation::kNone;
  double slope = 0;
  Index group_rows = 0;
  std::vector<std::int32_t> offsets = {};  // of the segments
  Fill x = {};
  Index bias_at = 0;  // elements before the bias in its memory: not aligned for vectors

  OFER_FORWARD_CASE(linear)

  // The product may be stored before bias, activation and residual join it.
  double bfloat16_error() const {
    const bool more = bias || residual || in_place || activation != kernels::Activation::kNone;
    return more ? 1.65 : 1;
  }

  template <class T>
  kernels::LinearArgs<T> bind(Buffers<T>& b) const {
    kernels::LinearArgs<T> args{};
    args.x = b.input("x", rows * in, x);
    args.weight = b.input("weight", out * in);
    args.bias = bias ? b.input("bias", bias_at + out) + bias_at : nullptr;
    if (in_place) {
      args.y = b.in_out("y", rows * out);
      args.residual = args.y;
    } else {
      args.residual = residual ? b.input("residual", rows * out) : nullptr;
      args.y = b.output("y", rows * out);
    }
    args.pre = pre ? b.output("pre", rows * out) : nullptr;
    args.rows = rows;
    args.in = in;
    args.out = out;
    args.activation = activation;
    args.slope = slope;
    args.group_rows = group_rows;
    args.segments = b.segments(offsets);
    return args;
  }
  double flops() const { return 2.0 * static_cast<double>(rows * in * out); }
  bool images() const { return group_rows > 0 && offsets.empty(); }
  LinearCase with_images(Index n) const {
    LinearCase result = *this;
    result.rows = n * group_rows;
    return result;
  }

  // clang-format off
  static std::vector<LinearCase> list() {
    using kernels::Activation;
    return {
        {.name = "one number", .seed = 1, .rows = 1, .in = 1, .out = 1},
        {.name = "no rows", .seed = 2, .rows = 0, .in = 5, .out = 3},
        {.name = "one row", .seed = 3, .rows = 1, .in = 37, .out = 29},
        {.name = "odd", .seed = 4, .rows = 7, .in = 33, .out = 19, .bias = false},
        {.name = "even", .seed = 5, .rows = 64, .in = 64, .out = 128},
        {.name = "several column blocks", .seed = 6, .rows = 5, .in = 48, .out = 401},
        {.name = "long sum", .seed = 7, .rows = 3, .in = 3001, .out = 5},
        {.name = "large mean", .seed = 8, .rows = 4, .in = 65, .out = 9,
         .x = {Distribution::kLargeMean}},
        {.name = "gelu kept", .seed = 9, .rows = 9, .in = 31, .out = 45, .pre = true,
         .activation = Activation::kGelu},
        {.name = "gelu", .seed = 10, .rows = 6, .in = 16, .out = 67,
         .activation = Activation::kGelu},
        {.name = "relu residual", .seed = 11, .rows = 8, .in = 24, .out = 33, .residual = true,
         .activation = Activation::kRelu},
        {.name = "leaky kept", .seed = 12, .rows = 5, .in = 17, .out = 32, .bias = false,
         .pre = true, .activation = Activation::kLeakyRelu, .slope = 0.01},
        {.name = "sigmoid", .seed = 13, .rows = 3, .in = 15, .out = 40,
         .activation = Activation::kSigmoid},
        {.name = "residual", .seed = 14, .rows = 10, .in = 32, .out = 21, .residual = true},
        {.name = "residual in place", .seed = 15, .rows = 10, .in = 32, .out = 203,
         .in_place = true},
        {.name = "gelu residual in place", .seed = 16, .rows = 6, .in = 9, .out = 13,
         .in_place = true, .pre = true, .activation = Activation::kGelu},
        {.name = "groups", .seed = 17, .rows = 51, .in = 40, .out = 24, .group_rows = 17},
        {.name = "groups of one, wide", .seed = 18, .rows = 4, .in = 129, .out = 250,
         .residual = true, .activation = Activation::kRelu, .group_rows = 1},
        {.name = "groups of one, tile edges", .seed = 24, .rows = 5, .in = 131, .out = 9,
         .in_place = true, .pre = true, .activation = Activation::kGelu, .group_rows = 1},
        {.name = "groups of one, long sum", .seed = 25, .rows = 3, .in = 9001, .out = 3,
         .residual = true, .pre = true, .activation = Activation::kLeakyRelu, .slope = 0.1,
         .group_rows = 1},
        {.name = "groups of one, long even sum", .seed = 26, .rows = 2, .in = 8192, .out = 7,
         .group_rows = 1},
        {.name = "last group short", .seed = 19, .rows = 25, .in = 12, .out = 7, .pre = true,
         .activation = Activation::kGelu, .group_rows = 10},
        {.name = "many rows", .seed = 23, .rows = 1030, .in = 9, .out = 5, .pre = true,
         .activation = Activation::kGelu},
        {.name = "segments", .seed = 20, .rows = 30, .in = 20, .out = 36, .pre = true,
         .activation = Activation::kGelu, .offsets = {0, 13, 13, 14, 30}},
        {.name = "segments in place", .seed = 21, .rows = 21, .in = 32, .out = 210,
         .in_place = true, .offsets = {0, 1, 20, 21}},
        {.name = "segments of one length", .seed = 27, .rows = 34, .in = 24, .out = 1036,
         .pre = true, .activation = Activation::kRelu,
         .offsets = {0, 11, 22, 22, 22, 23, 34}},
        {.name = "kept, nothing else", .seed = 28, .rows = 9, .in = 6, .out = 12, .bias = false,
         .in_place = true, .pre = true, .group_rows = 3},
        {.name = "bias and residual in place, groups", .seed = 29, .rows = 14, .in = 24, .out = 16,
         .in_place = true, .group_rows = 7},
        {.name = "bias not aligned", .seed = 30, .rows = 13, .in = 24, .out = 16, .group_rows = 5,
         .bias_at = 1},
        {.name = "bias not aligned, segments in place", .seed = 31, .rows = 21, .in = 10,
         .out = 33, .in_place = true, .offsets = {0, 1, 10, 21}, .bias_at = 3},
        {.name = "no terms", .seed = 32, .rows = 6, .in = 0, .out = 5, .in_place = true},
        {.name = "one empty segment", .seed = 22, .rows = 0, .in = 6, .out = 6,
         .offsets = {0, 0}},
    };
  }
  static std::vector<LinearCase> benchmarks() {
    using kernels::Activation;
    return {
        {.name = "qkv, 1 image", .rows = 197, .in = 768, .out = 2304, .group_rows = 197},
        {.name = "qkv, 16 images", .rows = 16 * 197, .in = 768, .out = 2304, .group_rows = 197},
        {.name = "mlp up, 16 images", .rows = 16 * 197, .in = 768, .out = 3072,
         .activation = Activation::kGelu, .group_rows = 197},
        {.name = "mlp down, 16 images", .rows = 16 * 197, .in = 3072, .out = 768,
         .in_place = true, .group_rows = 197},
        {.name = "mlp down, half an image", .rows = 99, .in = 3072, .out = 768, .in_place = true,
         .group_rows = 99},
        {.name = "classifier, 16 images", .rows = 16, .in = 39936, .out = 7, .group_rows = 1},
    };
  }
  // clang-format on
};

struct LinearBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index rows = 1, in = 1, out = 1;
  bool dx = true, dweight = true, dbias = true;
  Index group_rows = 0;

  OFER_BACKWARD_CASE(linear_backward, linear)

  kernels::LinearArgs<double> bind_forward(Buffers<double>& b) const {
    return LinearCase{.rows = rows, .in = in, .out = out}.bind(b);
  }
  template <class T>
  kernels::LinearBackwardArgs<T> bind(Buffers<T>& b) const {
    return {.dy = b.input("dy", rows * out),
            .x = b.input("x", rows * in),
            .weight = b.input("weight", out * in),
            .dx = dx ? b.output("dx", rows * in) : nullptr,
            .dweight = dweight ? b.output("dweight", out * in) : nullptr,
            .dbias = dbias ? b.output("dbias", out) : nullptr,
            .rows = rows,
            .in = in,
            .out = out,
            .group_rows = group_rows};
  }
  Index reduction() const { return std::max({rows, in, out}); }
  double flops() const { return (2.0 * dx + 2.0 * dweight) * static_cast<double>(rows * in * out); }

  // clang-format off
  static std::vector<LinearBackwardCase> list() {
    return {
        {.name = "one number", .seed = 1},
        {.name = "no rows", .seed = 2, .rows = 0, .in = 5, .out = 3},
        {.name = "one row", .seed = 3, .rows = 1, .in = 14, .out = 9},
        {.name = "odd", .seed = 4, .rows = 7, .in = 13, .out = 11},
        {.name = "many rows", .seed = 5, .rows = 300, .in = 6, .out = 5},
        {.name = "wide", .seed = 6, .rows = 3, .in = 210, .out = 201},
        {.name = "very many rows", .seed = 10, .rows = 1100, .in = 4, .out = 3},
        {.name = "many slices of rows", .seed = 11, .rows = 33001, .in = 1, .out = 1},
        {.name = "a slice of rows", .seed = 12, .rows = 129, .in = 3, .out = 33},
        {.name = "dx alone", .seed = 7, .rows = 5, .in = 8, .out = 6, .dweight = false,
         .dbias = false},
        {.name = "dweight alone", .seed = 8, .rows = 5, .in = 8, .out = 6, .dx = false,
         .dbias = false},
        {.name = "dbias alone", .seed = 9, .rows = 5, .in = 8, .out = 6, .dx = false,
         .dweight = false},
        {.name = "rows apart", .seed = 13, .rows = 5, .in = 8, .out = 6, .group_rows = 1},
        {.name = "groups apart, the last one shorter", .seed = 14, .rows = 11, .in = 13, .out = 7,
         .group_rows = 4},
        {.name = "one group, not full", .seed = 15, .rows = 3, .in = 9, .out = 5,
         .group_rows = 8},
    };
  }
  static std::vector<LinearBackwardCase> benchmarks() {
    return {{.name = "qkv, 16 images", .rows = 16 * 197, .in = 768, .out = 2304}};
  }
  // clang-format on
};

}  // namespace ofer::test
