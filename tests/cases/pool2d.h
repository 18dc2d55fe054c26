// Cases of pool2d.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct PoolShape {
  Index planes = 1, height = 1, width = 1;
  Index kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0;

  kernels::PoolGeometry geometry() const {
    return {.planes = planes,
            .in_height = height,
            .in_width = width,
            .out_height = (height + 2 * pad_h - kernel_h) / stride_h + 1,
            .out_width = (width + 2 * pad_w - kernel_w) / stride_w + 1,
            .kernel_h = kernel_h,
            .kernel_w = kernel_w,
            .stride_h = stride_h,
            .stride_w = stride_w,
            .pad_h = pad_h,
            .pad_w = pad_w};
  }
  Index in_size() const { return planes * height * width; }
  Index out_size() const {
    const kernels::PoolGeometry g = geometry();
    return planes * g.out_height * g.out_width;
  }
};

struct Pool2dCase {
  const char* name = "";
  std::uint64_t seed = 1;
  PoolShape shape = {};
  bool maximum = false, keep = false;
  Fill x = {};

  OFER_FORWARD_CASE(pool2d)

  template <class T>
  kernels::Pool2dArgs<T> bind(Buffers<T>& b) const {
    return {.geometry = shape.geometry(),
            .x = b.input("x", shape.in_size(), x),
            .y = b.output("y", shape.out_size()),
            .argmax = keep ? b.index_output("argmax", shape.out_size()) : nullptr,
            .maximum = maximum};
  }
  double flops() const {
    return static_cast<double>(shape.out_size() * shape.kernel_h * shape.kernel_w);
  }
  bool images() const { return true; }
  Pool2dCase with_images(Index n) const {
    Pool2dCase result = *this;
    result.shape.planes = n * shape.planes;
    return result;
  }

  // clang-format off
  static std::vector<Pool2dCase> list() {
    const PoolShape stem{.planes = 5, .height = 15, .width = 17, .kernel_h = 3, .kernel_w = 3,
                         .stride_h = 2, .stride_w = 2, .pad_h = 1, .pad_w = 1};
    const PoolShape mask{.planes = 3, .height = 16, .width = 24, .kernel_h = 4, .kernel_w = 4,
                         .stride_h = 2, .stride_w = 2, .pad_h = 1, .pad_w = 1};
    return {
        {.name = "average of one", .seed = 1},
        {.name = "maximum of one", .seed = 2, .maximum = true, .keep = true},
        {.name = "no plane", .seed = 3,
         .shape = {.planes = 0, .height = 4, .width = 4, .kernel_h = 2, .kernel_w = 2}},
        {.name = "average 4x4, padding counted", .seed = 4, .shape = mask},
        {.name = "average of a mask", .seed = 5, .shape = mask, .x = {Distribution::kMask}},
        {.name = "average of all", .seed = 6,
         .shape = {.planes = 9, .height = 7, .width = 7, .kernel_h = 7, .kernel_w = 7}},
        {.name = "average, different by axis", .seed = 7,
         .shape = {.planes = 2, .height = 9, .width = 14, .kernel_h = 2, .kernel_w = 5,
                   .stride_h = 3, .stride_w = 2, .pad_h = 1, .pad_w = 2}},
        {.name = "maximum 3x3 stride 2", .seed = 8, .shape = stem, .maximum = true, .keep = true},
        {.name = "maximum of negatives", .seed = 9, .shape = stem, .maximum = true, .keep = true,
         .x = {Distribution::kNegative}},
        {.name = "maximum, ties", .seed = 10, .shape = stem, .maximum = true, .keep = true,
         .x = {Distribution::kTies}},
        {.name = "maximum not kept", .seed = 11, .shape = stem, .maximum = true},
        {.name = "maximum, different by axis", .seed = 12,
         .shape = {.planes = 4, .height = 10, .width = 9, .kernel_h = 4, .kernel_w = 2,
                   .stride_h = 1, .stride_w = 3, .pad_h = 2, .pad_w = 1},
         .maximum = true, .keep = true},
        {.name = "maximum, rows left over", .seed = 13,
         .shape = {.planes = 2, .height = 11, .width = 8, .kernel_h = 2, .kernel_w = 2,
                   .stride_h = 4, .stride_w = 3}, .maximum = true, .keep = true},
        {.name = "gaps between windows", .seed = 14,
         .shape = {.planes = 2, .height = 11, .width = 8, .kernel_h = 2, .kernel_w = 2,
                   .stride_h = 4, .stride_w = 3}},
        {.name = "maximum 4x4", .seed = 15, .shape = mask, .maximum = true, .keep = true},
        {.name = "average 3x3 stride 2", .seed = 16, .shape = stem},
    };
  }
  static std::vector<Pool2dCase> benchmarks() {
    return {{.name = "resnet stem, 16 images",
             .shape = {.planes = 16 * 64, .height = 112, .width = 112, .kernel_h = 3,
                       .kernel_w = 3, .stride_h = 2, .stride_w = 2, .pad_h = 1, .pad_w = 1},
             .maximum = true}};
  }
  // clang-format on
};

struct Pool2dBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  PoolShape shape = {};
  bool maximum = false;

  OFER_BACKWARD_CASE(pool2d_backward, pool2d)

  kernels::Pool2dArgs<double> bind_forward(Buffers<double>& b) const {
    return Pool2dCase{
        .shape = shape, .maximum = maximum, .keep = maximum, .x = {Distribution::kSpaced}}
        .bind(b);
  }
  template <class T>
  kernels::Pool2dBackwardArgs<T> bind(Buffers<T>& b) const {
    return {.geometry = shape.geometry(),
            .dy = b.input("dy", shape.out_size()),
            .argmax = maximum ? b.indices("argmax", {}) : nullptr,
            .dx = b.output("dx", shape.in_size()),
            .maximum = maximum};
  }
  Index reduction() const { return shape.kernel_h * shape.kernel_w; }
  double flops() const {
    return static_cast<double>(shape.out_size() * (maximum ? 1 : shape.kernel_h * shape.kernel_w));
  }

  // clang-format off
  static std::vector<Pool2dBackwardCase> list() {
    const PoolShape stem{.planes = 3, .height = 7, .width = 8, .kernel_h = 3, .kernel_w = 3,
                         .stride_h = 2, .stride_w = 2, .pad_h = 1, .pad_w = 1};
    const PoolShape uneven{.planes = 2, .height = 10, .width = 9, .kernel_h = 4, .kernel_w = 2,
                           .stride_h = 1, .stride_w = 3, .pad_h = 2, .pad_w = 1};
    const PoolShape gaps{.planes = 2, .height = 11, .width = 8, .kernel_h = 2, .kernel_w = 2,
                         .stride_h = 4, .stride_w = 3};
    return {
        {.name = "average 3x3 stride 2", .seed = 1, .shape = stem},
        {.name = "average, different by axis", .seed = 2, .shape = uneven},
        {.name = "average, gaps", .seed = 3, .shape = gaps},
        {.name = "average of all", .seed = 4,
         .shape = {.planes = 5, .height = 7, .width = 7, .kernel_h = 7, .kernel_w = 7}},
        {.name = "maximum 3x3 stride 2", .seed = 5, .shape = stem, .maximum = true},
        {.name = "maximum, different by axis", .seed = 6, .shape = uneven, .maximum = true},
        {.name = "maximum, gaps", .seed = 7, .shape = gaps, .maximum = true},
        {.name = "no plane", .seed = 8,
         .shape = {.planes = 0, .height = 4, .width = 4, .kernel_h = 2, .kernel_w = 2}},
    };
  }
  static std::vector<Pool2dBackwardCase> benchmarks() {
    return {{.name = "resnet stem, 16 images", .shape = Pool2dCase::benchmarks()[0].shape,
             .maximum = true}};
  }
  // clang-format on
};

}  // namespace ofer::test
