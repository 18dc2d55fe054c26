// Cases of softmax.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct SoftmaxCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index outer = 1, length = 1, inner = 1;
  bool logarithm = false, in_place = false;
  Fill x = {};

  OFER_FORWARD_CASE(softmax)

  template <class T>
  kernels::SoftmaxArgs<T> bind(Buffers<T>& b) const {
    const Index count = outer * length * inner;
    kernels::SoftmaxArgs<T> args{};
    if (in_place) {
      args.y = b.in_out("x", count, x);
      args.x = args.y;
    } else {
      args.x = b.input("x", count, x);
      args.y = b.output("y", count);
    }
    args.outer = outer;
    args.length = length;
    args.inner = inner;
    args.logarithm = logarithm;
    return args;
  }
  double flops() const { return 5.0 * static_cast<double>(outer * length * inner); }
  bool images() const { return true; }
  SoftmaxCase with_images(Index n) const {
    SoftmaxCase result = *this;
    result.outer = n * outer;
    return result;
  }

  // clang-format off
  static std::vector<SoftmaxCase> list() {
    return {
        {.name = "one number", .seed = 1},
        {.name = "no rows", .seed = 2, .outer = 0, .length = 7, .inner = 1},
        {.name = "rows", .seed = 3, .outer = 9, .length = 37, .inner = 1},
        {.name = "rows, logarithm", .seed = 4, .outer = 9, .length = 37, .inner = 1,
         .logarithm = true},
        {.name = "over four heads, logarithm", .seed = 5, .outer = 3, .length = 4, .inner = 75,
         .logarithm = true},
        {.name = "middle axis", .seed = 6, .outer = 2, .length = 11, .inner = 13},
        {.name = "wide middle axis", .seed = 16, .outer = 3, .length = 5, .inner = 333},
        {.name = "length 1", .seed = 7, .outer = 6, .length = 1, .inner = 5},
        {.name = "length 1, logarithm", .seed = 8, .outer = 6, .length = 1, .inner = 5,
         .logarithm = true},
        {.name = "long", .seed = 9, .outer = 2, .length = 1003, .inner = 1},
        {.name = "in place", .seed = 10, .outer = 5, .length = 24, .inner = 1, .in_place = true},
        {.name = "middle axis in place, logarithm", .seed = 11, .outer = 3, .length = 8,
         .inner = 6, .logarithm = true, .in_place = true},
        {.name = "extreme", .seed = 12, .outer = 8, .length = 16, .inner = 1,
         .x = {Distribution::kExtreme}},
        {.name = "extreme, logarithm", .seed = 13, .outer = 8, .length = 16, .inner = 3,
         .logarithm = true, .x = {Distribution::kExtreme}},
        {.name = "very negative", .seed = 14, .outer = 4, .length = 9, .inner = 2,
         .x = {Distribution::kNegative, 1e4}},
        {.name = "equal", .seed = 15, .outer = 3, .length = 8, .inner = 1,
         .x = {Distribution::kOne, 1e4}},
        // Where a GPU's team of threads for a row changes, in vectors and alone.
        {.name = "length 4", .seed = 21, .outer = 5, .length = 4, .logarithm = true},
        {.name = "length 5", .seed = 22, .outer = 5, .length = 5},
        {.name = "length 16", .seed = 23, .outer = 5, .length = 16},
        {.name = "length 64", .seed = 24, .outer = 5, .length = 64, .logarithm = true},
        {.name = "length 65", .seed = 25, .outer = 5, .length = 65},
        {.name = "length 197", .seed = 26, .outer = 5, .length = 197},
        {.name = "length 256", .seed = 27, .outer = 5, .length = 256, .logarithm = true},
        {.name = "length 257", .seed = 28, .outer = 5, .length = 257},
        {.name = "length 1024", .seed = 29, .outer = 5, .length = 1024},
        {.name = "length 1028", .seed = 30, .outer = 5, .length = 1028, .logarithm = true},
        {.name = "length 4096", .seed = 31, .outer = 2, .length = 4096},
        {.name = "length 4097", .seed = 32, .outer = 2, .length = 4097},
        {.name = "length 16384", .seed = 33, .outer = 2, .length = 16384, .logarithm = true},
        {.name = "length 16385", .seed = 34, .outer = 2, .length = 16385},
        {.name = "length 16388", .seed = 35, .outer = 2, .length = 16388},
        {.name = "length 20001 in place", .seed = 40, .outer = 1, .length = 20001,
         .in_place = true},
    };
  }
  static std::vector<SoftmaxCase> benchmarks() {
    return {{.name = "197 x 197, 12 heads, 16 images", .outer = 16 * 12 * 197, .length = 197},
            {.name = "over four heads, 16 images", .outer = 16, .length = 4, .inner = 512,
             .logarithm = true}};
  }
  // clang-format on
};

struct SoftmaxBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index outer = 1, length = 1, inner = 1;
  bool logarithm = false;

  OFER_BACKWARD_CASE(softmax_backward, softmax)

  kernels::SoftmaxArgs<double> bind_forward(Buffers<double>& b) const {
    return SoftmaxCase{.outer = outer, .length = length, .inner = inner, .logarithm = logarithm}
        .bind(b);
  }
  template <class T>
  kernels::SoftmaxBackwardArgs<T> bind(Buffers<T>& b) const {
    const Index count = outer * length * inner;
    return {.dy = b.input("dy", count),
            .y = b.input("y", count),
            .dx = b.output("dx", count),
            .outer = outer,
            .length = length,
            .inner = inner,
            .logarithm = logarithm};
  }
  Index reduction() const { return length; }
  double flops() const { return 4.0 * static_cast<double>(outer * length * inner); }

  // clang-format off
  static std::vector<SoftmaxBackwardCase> list() {
    return {
        {.name = "rows", .seed = 1, .outer = 5, .length = 17, .inner = 1},
        {.name = "rows, logarithm", .seed = 2, .outer = 5, .length = 17, .inner = 1,
         .logarithm = true},
        {.name = "middle axis", .seed = 3, .outer = 3, .length = 4, .inner = 19},
        {.name = "middle axis, logarithm", .seed = 4, .outer = 3, .length = 4, .inner = 19,
         .logarithm = true},
        {.name = "length 1", .seed = 5, .outer = 4, .length = 1, .inner = 3},
        {.name = "no rows", .seed = 6, .outer = 0, .length = 4, .inner = 3},
        {.name = "long", .seed = 7, .outer = 1, .length = 300, .inner = 1},
        {.name = "wide middle axis", .seed = 8, .outer = 3, .length = 4, .inner = 170},
        {.name = "wide middle axis, logarithm", .seed = 9, .outer = 3, .length = 4, .inner = 170,
         .logarithm = true},
        // Where a GPU's team of threads for a row changes, in vectors and alone.
        {.name = "length 4", .seed = 21, .outer = 3, .length = 4, .logarithm = true},
        {.name = "length 16", .seed = 22, .outer = 3, .length = 16},
        {.name = "length 64", .seed = 23, .outer = 3, .length = 64},
        {.name = "length 65", .seed = 24, .outer = 3, .length = 65, .logarithm = true},
        {.name = "length 256", .seed = 25, .outer = 3, .length = 256},
        {.name = "length 257", .seed = 26, .outer = 3, .length = 257},
        {.name = "length 1024", .seed = 27, .outer = 3, .length = 1024, .logarithm = true},
        {.name = "length 1028", .seed = 28, .outer = 3, .length = 1028},
        {.name = "length 4097", .seed = 29, .outer = 1, .length = 4097},
        {.name = "length 16388", .seed = 30, .outer = 1, .length = 16388, .logarithm = true},
    };
  }
  static std::vector<SoftmaxBackwardCase> benchmarks() {
    return {{.name = "197 x 197, 12 heads, 16 images", .outer = 16 * 12 * 197, .length = 197}};
  }
  // clang-format on
};

}  // namespace ofer::test
