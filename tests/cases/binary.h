// Cases of binary.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

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

  // clang-format off
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
        {.name = "several ranges", .seed = 17, .shape = {3, 50, 401}, .repeat_b = {1}},
        {.name = "into b", .seed = 14, .shape = {6, 40}, .repeat_a = {1},
         .function = Binary::kDivide, .in_place = 2, .b_fill = {Distribution::kPositive}},
        {.name = "into a, dense", .seed = 15, .shape = {4099}, .function = Binary::kMultiply,
         .in_place = 1},
        {.name = "extents of one", .seed = 16, .shape = {1, 5, 1, 3}, .repeat_b = {0, 1},
         .function = Binary::kAdd},
        // Whole vectors, in buffers that are aligned to them.
        {.name = "row bias, vectors", .seed = 19, .shape = {9, 36}, .repeat_b = {0}},
        {.name = "channel of all images, vectors", .seed = 21, .shape = {3, 5, 8},
         .repeat_b = {0, 2}, .function = Binary::kSubtract},
        {.name = "map over channels, vectors", .seed = 23, .shape = {3, 5, 4, 3}, .repeat_b = {1},
         .function = Binary::kMultiply},
        {.name = "number first, vectors", .seed = 25, .shape = {16, 5}, .repeat_a = {0, 1},
         .function = Binary::kSubtract},
        {.name = "vectors that begin anywhere", .seed = 27, .shape = {3, 2, 6}, .repeat_b = {1}},
        {.name = "into b, vectors", .seed = 29, .shape = {6, 40}, .repeat_a = {1},
         .function = Binary::kDivide, .in_place = 2, .b_fill = {Distribution::kPositive}},
    };
  }
  static std::vector<BinaryCase> benchmarks() {
    return {{.name = "residual, 16 images", .shape = {16, 197, 768}, .in_place = 1},
            {.name = "channel scale, 16 images", .shape = {16, 512, 7, 7}, .repeat_b = {2, 3},
             .function = kernels::Binary::kMultiply}};
  }
  // clang-format on
};

}  // namespace ofer::test
