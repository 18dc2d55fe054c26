// Cases of activation, unary, binary, accumulate and fill.
#pragma once

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
  Index reduction() const { return 1; }
  double flops() const { return 2.0 * static_cast<double>(count); }

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
    };
  }
  static std::vector<ActivationBackwardCase> benchmarks() {
    return {{.name = "gelu, 16 images", .count = 16 * 197 * 3072,
             .activation = kernels::Activation::kGelu}};
  }
};

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

  static std::vector<UnaryCase> list() {
    using kernels::Unary;
    return {
        {.name = "scale", .seed = 1, .count = 131, .function = Unary::kScale, .a = 0.3, .b = -1.7},
        {.name = "nothing", .seed = 2, .count = 0, .function = Unary::kExp},
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
    };
  }
  static std::vector<UnaryCase> benchmarks() {
    return {{.name = "clamp, 16 images", .count = 16 * 3 * 224 * 224,
             .function = kernels::Unary::kClamp, .a = 0, .b = 1}};
  }
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

  static std::vector<UnaryBackwardCase> list() {
    using kernels::Unary;
    return {
        {.name = "scale", .seed = 1, .count = 31, .function = Unary::kScale, .a = 0.3, .b = -1.7},
        // Numbers are multiples of 1/64 and the bounds lie between two of them.
        {.name = "clamp", .seed = 2, .count = 97, .function = Unary::kClamp, .a = -0.4, .b = 0.3,
         .x = {Distribution::kSpaced}},
        {.name = "square", .seed = 3, .count = 65, .function = Unary::kSquare},
        {.name = "log", .seed = 4, .count = 40, .function = Unary::kLog,
         .x = {Distribution::kPositive, 3}},
        {.name = "exp", .seed = 5, .count = 66, .function = Unary::kExp},
        {.name = "sqrt", .seed = 6, .count = 47, .function = Unary::kSqrt,
         .x = {Distribution::kPositive, 3}},
        {.name = "greater", .seed = 7, .count = 49, .function = Unary::kGreater, .a = 0.1,
         .x = {Distribution::kSpaced}},
        {.name = "nothing", .seed = 8, .count = 0, .function = Unary::kLog},
    };
  }
  static std::vector<UnaryBackwardCase> benchmarks() {
    return {{.name = "log, 16 images", .count = 16 * 196, .function = kernels::Unary::kLog,
             .x = {Distribution::kPositive}}};
  }
};

struct BinaryCase {
  const char* name = "";
  std::uint64_t seed = 1;
  std::vector<Index> shape = {};
  // Axes over which an operand is repeated.
  std::vector<int> repeat_a = {}, repeat_b = {};
  kernels::Binary function = kernels::Binary::kAdd;
  int in_place = 0;  // 1: y is a, 2: y is b
  Fill b_fill = {};

  OFER_FORWARD_CASE(binary)

  static bool has(const std::vector<int>& axes, int axis) {
    for (int a : axes)
      if (a == axis) return true;
    return false;
  }
  // Dense strides over the axes that are not repeated; the operand's size.
  Index strides(const std::vector<int>& repeat, Index* result) const {
    Index step = 1;
    for (int axis = static_cast<int>(shape.size()) - 1; axis >= 0; --axis) {
      result[axis] = has(repeat, axis) ? 0 : step;
      if (!has(repeat, axis)) step *= shape[static_cast<std::size_t>(axis)];
    }
    return step;
  }
  template <class T>
  kernels::BinaryArgs<T> bind(Buffers<T>& b) const {
    kernels::BinaryArgs<T> args{};
    args.function = function;
    args.rank = static_cast<int>(shape.size());
    Index count = 1;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      args.shape[axis] = shape[axis];
      count *= shape[axis];
    }
    const Index a_size = strides(repeat_a, args.a_strides);
    const Index b_size = strides(repeat_b, args.b_strides);
    T* written = nullptr;
    if (in_place == 1) {
      args.a = written = b.in_out("a", a_size);
      args.b = b.input("b", b_size, b_fill);
    } else if (in_place == 2) {
      args.a = b.input("a", a_size);
      args.b = written = b.in_out("b", b_size, b_fill);
    } else {
      args.a = b.input("a", a_size);
      args.b = b.input("b", b_size, b_fill);
    }
    args.y = written ? written : b.output("y", count);
    return args;
  }
  double flops() const {
    double count = 1;
    for (Index extent : shape) count *= static_cast<double>(extent);
    return count;
  }
  bool images() const { return !shape.empty() && !has(repeat_a, 0); }
  BinaryCase with_images(Index n) const {
    BinaryCase result = *this;
    result.shape[0] = n;
    return result;
  }

  static std::vector<BinaryCase> list() {
    using kernels::Binary;
    return {
        {.name = "rank 0", .seed = 1},
        {.name = "dense", .seed = 2, .shape = {7, 37}, .function = Binary::kSubtract},
        {.name = "nothing", .seed = 3, .shape = {3, 0, 2}, .function = Binary::kAdd},
        {.name = "row bias", .seed = 4, .shape = {9, 33}, .repeat_b = {0}},
        {.name = "column", .seed = 5, .shape = {9, 33}, .repeat_b = {1},
         .function = Binary::kMultiply},
        {.name = "channel scale", .seed = 6, .shape = {3, 5, 7, 7}, .repeat_b = {2, 3},
         .function = Binary::kMultiply},
        {.name = "channel of all images", .seed = 7, .shape = {3, 5, 49}, .repeat_b = {0, 2}},
        {.name = "map over channels", .seed = 8, .shape = {2, 6, 5, 5}, .repeat_b = {1},
         .function = Binary::kMultiply},
        {.name = "outer product", .seed = 9, .shape = {11, 13}, .repeat_a = {1}, .repeat_b = {0},
         .function = Binary::kMultiply},
        {.name = "number", .seed = 10, .shape = {4, 3, 5}, .repeat_b = {0, 1, 2},
         .function = Binary::kDivide, .b_fill = {Distribution::kPositive}},
        {.name = "number first", .seed = 11, .shape = {4, 17}, .repeat_a = {0, 1},
         .function = Binary::kSubtract},
        {.name = "rank 6", .seed = 12, .shape = {2, 3, 1, 4, 2, 5}, .repeat_a = {1, 4},
         .repeat_b = {0, 3}, .function = Binary::kSubtract},
        {.name = "into a", .seed = 13, .shape = {6, 40}, .repeat_b = {0}, .in_place = 1},
        {.name = "into b", .seed = 14, .shape = {6, 40}, .repeat_a = {1},
         .function = Binary::kDivide, .in_place = 2, .b_fill = {Distribution::kPositive}},
        {.name = "into a, dense", .seed = 15, .shape = {4099}, .function = Binary::kMultiply,
         .in_place = 1},
        {.name = "extents of one", .seed = 16, .shape = {1, 5, 1, 3}, .repeat_b = {0, 1},
         .function = Binary::kAdd},
    };
  }
  static std::vector<BinaryCase> benchmarks() {
    return {{.name = "residual, 16 images", .shape = {16, 197, 768}, .in_place = 1},
            {.name = "channel scale, 16 images", .shape = {16, 512, 7, 7}, .repeat_b = {2, 3},
             .function = kernels::Binary::kMultiply}};
  }
};

struct AccumulateCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  double alpha = 1;

  OFER_FORWARD_CASE(accumulate)

  template <class T>
  kernels::AccumulateArgs<T> bind(Buffers<T>& b) const {
    return {.x = b.input("x", count), .y = b.in_out("y", count), .count = count, .alpha = alpha};
  }
  double flops() const { return 2.0 * static_cast<double>(count); }
  bool images() const { return true; }
  AccumulateCase with_images(Index n) const {
    AccumulateCase result = *this;
    result.count = n * count;
    return result;
  }

  static std::vector<AccumulateCase> list() {
    return {{.name = "one", .seed = 1},
            {.name = "nothing", .seed = 2, .count = 0},
            {.name = "odd", .seed = 3, .count = 333, .alpha = -0.7},
            {.name = "several ranges", .seed = 4, .count = 50001, .alpha = 0.1},
            {.name = "alpha 0", .seed = 5, .count = 12, .alpha = 0}};
  }
  static std::vector<AccumulateCase> benchmarks() {
    return {{.name = "gradient of 10 M parameters", .count = 10'000'000}};
  }
};

struct FillCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  double value = 0;

  OFER_FORWARD_CASE(fill)

  template <class T>
  kernels::FillArgs<T> bind(Buffers<T>& b) const {
    return {.y = b.output("y", count), .count = count, .value = value};
  }
  double flops() const { return 0; }

  static std::vector<FillCase> list() {
    return {{.name = "one", .seed = 1, .count = 1, .value = 3.25},
            {.name = "nothing", .seed = 2, .count = 0, .value = 1},
            {.name = "zeros", .seed = 3, .count = 4097, .value = 0},
            {.name = "a tenth", .seed = 4, .count = 301, .value = 0.1}};
  }
  static std::vector<FillCase> benchmarks() {
    return {{.name = "10 M", .count = 10'000'000}};
  }
};

}  // namespace ofer::test
