// Cases of cross_entropy.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

inline std::vector<std::int32_t> some_classes(Index rows, Index classes, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::int32_t> target;
  for (Index r = 0; r < rows; ++r)
    target.push_back(static_cast<std::int32_t>(random.below(classes)));
  return target;
}

struct CrossEntropyCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index rows = 1, classes = 1;
  bool weighted = false;
  Fill x = {};

  OFER_FORWARD_CASE(cross_entropy)

  template <class T>
  kernels::CrossEntropyArgs<T> bind(Buffers<T>& b) const {
    return {.x = b.input("x", rows * classes, x),
            .target = b.indices("target", some_classes(rows, classes, seed)),
            .class_weight =
                weighted ? b.input("class_weight", classes, {Distribution::kPositive}) : nullptr,
            .loss = b.output("loss", 1),
            .log_probability = b.output("log_probability", rows * classes),
            .rows = rows,
            .classes = classes};
  }
  double flops() const { return 5.0 * static_cast<double>(rows * classes); }

  // clang-format off
  static std::vector<CrossEntropyCase> list() {
    return {
        {.name = "one class", .seed = 1},
        {.name = "one row", .seed = 2, .rows = 1, .classes = 7},
        {.name = "batch", .seed = 3, .rows = 33, .classes = 7},
        {.name = "class weights", .seed = 4, .rows = 20, .classes = 7, .weighted = true},
        {.name = "many classes", .seed = 5, .rows = 3, .classes = 131},
        {.name = "extreme", .seed = 6, .rows = 9, .classes = 7, .x = {Distribution::kExtreme}},
    };
  }
  static std::vector<CrossEntropyCase> benchmarks() {
    return {{.name = "256 images", .rows = 256, .classes = 7}};
  }
  // clang-format on
};

struct CrossEntropyBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index rows = 1, classes = 1;
  bool weighted = false;

  OFER_BACKWARD_CASE(cross_entropy_backward, cross_entropy)

  kernels::CrossEntropyArgs<double> bind_forward(Buffers<double>& b) const {
    return CrossEntropyCase{.seed = seed, .rows = rows, .classes = classes, .weighted = weighted}
        .bind(b);
  }
  template <class T>
  kernels::CrossEntropyBackwardArgs<T> bind(Buffers<T>& b) const {
    return {.dloss = b.input("dloss", 1),
            .target = b.indices("target", some_classes(rows, classes, seed)),
            .class_weight = weighted ? b.input("class_weight", classes) : nullptr,
            .log_probability = b.input("log_probability", rows * classes),
            .dx = b.output("dx", rows * classes),
            .rows = rows,
            .classes = classes};
  }
  Index reduction() const { return std::max(rows, classes); }
  double flops() const { return 3.0 * static_cast<double>(rows * classes); }

  // clang-format off
  static std::vector<CrossEntropyBackwardCase> list() {
    return {
        {.name = "one row", .seed = 1, .rows = 1, .classes = 7},
        {.name = "batch", .seed = 2, .rows = 9, .classes = 7},
        {.name = "class weights", .seed = 3, .rows = 12, .classes = 7, .weighted = true},
        {.name = "one class", .seed = 4, .rows = 3, .classes = 1},
        {.name = "many rows", .seed = 5, .rows = 2100, .classes = 3, .weighted = true},
    };
  }
  static std::vector<CrossEntropyBackwardCase> benchmarks() {
    return {{.name = "256 images", .rows = 256, .classes = 7}};
  }
  // clang-format on
};

}  // namespace ofer::test
