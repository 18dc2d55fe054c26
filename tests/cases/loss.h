// Cases of pixel_loss, cross_entropy and relativistic_loss.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct PixelLossCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  kernels::PixelLoss function = kernels::PixelLoss::kL1;
  bool weighted = false;
  Fill weight = {Distribution::kMask};

  OFER_FORWARD_CASE(pixel_loss)

  template <class T>
  kernels::PixelLossArgs<T> bind(Buffers<T>& b) const {
    return {.x = b.input("x", count),
            .target = b.input("target", count),
            .weight = weighted ? b.input("weight", count, weight) : nullptr,
            .loss = b.output("loss", 1),
            .count = count,
            .function = function};
  }
  double flops() const { return 3.0 * static_cast<double>(count); }

  static std::vector<PixelLossCase> list() {
    using kernels::PixelLoss;
    return {
        {.name = "L1 of one", .seed = 1},
        {.name = "L1", .seed = 2, .count = 3001},
        {.name = "L1 in a hole", .seed = 3, .count = 1003, .weighted = true},
        {.name = "L1, nothing weighs", .seed = 4, .count = 77, .weighted = true,
         .weight = {Distribution::kZero}},
        {.name = "mean square", .seed = 5, .count = 2050, .function = PixelLoss::kMeanSquare},
        {.name = "mean square, weighted", .seed = 6, .count = 333,
         .function = PixelLoss::kMeanSquare, .weighted = true,
         .weight = {Distribution::kPositive}},
        {.name = "mean square, nothing weighs", .seed = 7, .count = 30,
         .function = PixelLoss::kMeanSquare, .weighted = true, .weight = {Distribution::kZero}},
        {.name = "several ranges", .seed = 8, .count = 70001,
         .function = PixelLoss::kMeanSquare},
    };
  }
  static std::vector<PixelLossCase> benchmarks() {
    return {{.name = "16 images", .count = 16 * 3 * 256 * 256}};
  }
};

struct PixelLossBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  kernels::PixelLoss function = kernels::PixelLoss::kL1;
  bool weighted = false;
  Fill weight = {Distribution::kMask};

  OFER_BACKWARD_CASE(pixel_loss_backward, pixel_loss)

  PixelLossCase forward() const {
    return {.count = count, .function = function, .weighted = weighted, .weight = weight};
  }
  kernels::PixelLossArgs<double> bind_forward(Buffers<double>& b) const {
    return forward().bind(b);
  }
  template <class T>
  kernels::PixelLossBackwardArgs<T> bind(Buffers<T>& b) const {
    return {.dloss = b.input("dloss", 1),
            .x = b.input("x", count),
            .target = b.input("target", count),
            .weight = weighted ? b.input("weight", count) : nullptr,
            .dx = b.output("dx", count),
            .count = count,
            .function = function};
  }
  Index reduction() const { return weighted ? count : 1; }
  double flops() const { return 3.0 * static_cast<double>(count); }

  static std::vector<PixelLossBackwardCase> list() {
    using kernels::PixelLoss;
    return {
        {.name = "L1", .seed = 1, .count = 71},
        {.name = "L1 of one", .seed = 2},
        {.name = "L1 in a hole", .seed = 3, .count = 90, .weighted = true},
        {.name = "L1, nothing weighs", .seed = 4, .count = 20, .weighted = true,
         .weight = {Distribution::kZero}},
        {.name = "mean square", .seed = 5, .count = 130, .function = PixelLoss::kMeanSquare},
        {.name = "mean square, weighted", .seed = 6, .count = 55,
         .function = PixelLoss::kMeanSquare, .weighted = true,
         .weight = {Distribution::kPositive}},
        {.name = "mean square, nothing weighs", .seed = 7, .count = 20,
         .function = PixelLoss::kMeanSquare, .weighted = true, .weight = {Distribution::kZero}},
    };
  }
  static std::vector<PixelLossBackwardCase> benchmarks() {
    return {{.name = "16 images", .count = 16 * 3 * 256 * 256}};
  }
};

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
            .class_weight = weighted
                                ? b.input("class_weight", classes, {Distribution::kPositive})
                                : nullptr,
            .loss = b.output("loss", 1),
            .log_probability = b.output("log_probability", rows * classes),
            .rows = rows,
            .classes = classes};
  }
  double flops() const { return 5.0 * static_cast<double>(rows * classes); }

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

  static std::vector<CrossEntropyBackwardCase> list() {
    return {
        {.name = "one row", .seed = 1, .rows = 1, .classes = 7},
        {.name = "batch", .seed = 2, .rows = 9, .classes = 7},
        {.name = "class weights", .seed = 3, .rows = 12, .classes = 7, .weighted = true},
        {.name = "one class", .seed = 4, .rows = 3, .classes = 1},
    };
  }
  static std::vector<CrossEntropyBackwardCase> benchmarks() {
    return {{.name = "256 images", .rows = 256, .classes = 7}};
  }
};

struct RelativisticLossCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index real_count = 1, fake_count = 1;
  double margin = 1;

  OFER_FORWARD_CASE(relativistic_loss)

  template <class T>
  kernels::RelativisticLossArgs<T> bind(Buffers<T>& b) const {
    return {.real = b.input("real", real_count),
            .fake = b.input("fake", fake_count),
            .loss = b.output("loss", 1),
            .real_count = real_count,
            .fake_count = fake_count,
            .margin = margin};
  }
  double flops() const { return 4.0 * static_cast<double>(real_count + fake_count); }

  static std::vector<RelativisticLossCase> list() {
    return {
        {.name = "one each", .seed = 1},
        {.name = "discriminator", .seed = 2, .real_count = 301, .fake_count = 301},
        {.name = "generator", .seed = 3, .real_count = 128, .fake_count = 128, .margin = -1},
        {.name = "different lengths", .seed = 4, .real_count = 1000, .fake_count = 37},
    };
  }
  static std::vector<RelativisticLossCase> benchmarks() {
    return {{.name = "16 images", .real_count = 16 * 900, .fake_count = 16 * 900}};
  }
};

struct RelativisticLossBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index real_count = 1, fake_count = 1;
  double margin = 1;

  OFER_BACKWARD_CASE(relativistic_loss_backward, relativistic_loss)

  kernels::RelativisticLossArgs<double> bind_forward(Buffers<double>& b) const {
    return RelativisticLossCase{.real_count = real_count, .fake_count = fake_count,
                                .margin = margin}
        .bind(b);
  }
  template <class T>
  kernels::RelativisticLossBackwardArgs<T> bind(Buffers<T>& b) const {
    return {.dloss = b.input("dloss", 1),
            .real = b.input("real", real_count),
            .fake = b.input("fake", fake_count),
            .dreal = b.output("dreal", real_count),
            .dfake = b.output("dfake", fake_count),
            .real_count = real_count,
            .fake_count = fake_count,
            .margin = margin};
  }
  Index reduction() const { return std::max(real_count, fake_count); }
  double flops() const { return 6.0 * static_cast<double>(real_count + fake_count); }

  static std::vector<RelativisticLossBackwardCase> list() {
    return {
        {.name = "one each", .seed = 1},
        {.name = "discriminator", .seed = 2, .real_count = 50, .fake_count = 50},
        {.name = "generator, different lengths", .seed = 3, .real_count = 71, .fake_count = 40,
         .margin = -1},
    };
  }
  static std::vector<RelativisticLossBackwardCase> benchmarks() {
    return {{.name = "16 images", .real_count = 16 * 900, .fake_count = 16 * 900}};
  }
};

}  // namespace ofer::test
