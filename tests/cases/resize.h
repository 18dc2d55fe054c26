// Cases of resize.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "tests/support/case.h"

namespace ofer::test {

// The weights of one axis, made here from the definition: a triangle whose support grows with the
// reduction (antialiased bilinear, half-pixel centres), or the nearest input.
struct AxisWeights {
  std::vector<std::int32_t> first, count;
  std::vector<double> weight;
  Index taps = 1;
};

inline AxisWeights axis_weights(Index in, Index out, bool nearest) {
  AxisWeights axis;
  const double ratio = static_cast<double>(in) / static_cast<double>(out);
  const double support = std::max(1.0, ratio);
  std::vector<std::vector<double>> rows;
  for (Index i = 0; i < out; ++i) {
    std::vector<double> row;
    if (nearest) {
      axis.first.push_back(static_cast<std::int32_t>(i * in / out));
      row.push_back(1);
    } else {
      const double center = (static_cast<double>(i) + 0.5) * ratio;
      const Index low = std::max<Index>(0, static_cast<Index>(center - support + 0.5));
      const Index high = std::min(in, static_cast<Index>(center + support + 0.5));
      double sum = 0;
      for (Index j = low; j < high; ++j) {
        row.push_back(
            std::max(0.0, 1 - std::fabs(static_cast<double>(j) + 0.5 - center) / support));
        sum += row.back();
      }
      for (double& w : row) w = static_cast<float>(w / sum);
      axis.first.push_back(static_cast<std::int32_t>(low));
    }
    axis.count.push_back(static_cast<std::int32_t>(row.size()));
    axis.taps = std::max(axis.taps, static_cast<Index>(row.size()));
    rows.push_back(row);
  }
  // What lies behind an output's own weights must not be used.
  for (const std::vector<double>& row : rows)
    for (Index t = 0; t < axis.taps; ++t)
      axis.weight.push_back(t < static_cast<Index>(row.size()) ? row[static_cast<std::size_t>(t)]
                                                               : 1e3);
  return axis;
}

template <class T>
kernels::ResizeAxis<T> bind_axis(Buffers<T>& b, const std::string& name, const AxisWeights& axis) {
  return {.first = b.indices(name + "_first", axis.first),
          .count = b.indices(name + "_count", axis.count),
          .weight = b.input(name + "_weight", axis.weight),
          .taps = axis.taps};
}

struct ResizeCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index planes = 1, in_height = 1, in_width = 1, out_height = 1, out_width = 1;
  bool nearest = false;

  OFER_FORWARD_CASE(resize)

  // What one axis gave is stored before the other one's turn.
  double bfloat16_error() const { return nearest ? 1 : 1.5; }

  template <class T>
  kernels::ResizeArgs<T> bind(Buffers<T>& b) const {
    return {.x = b.input("x", planes * in_height * in_width),
            .y = b.output("y", planes * out_height * out_width),
            .scratch = b.scratch("scratch", planes * in_height * out_width),
            .horizontal = bind_axis(b, "horizontal", axis_weights(in_width, out_width, nearest)),
            .vertical = bind_axis(b, "vertical", axis_weights(in_height, out_height, nearest)),
            .planes = planes,
            .in_height = in_height,
            .in_width = in_width,
            .out_height = out_height,
            .out_width = out_width};
  }
  double flops() const {
    const Index across = axis_weights(in_width, out_width, nearest).taps;
    const Index down = axis_weights(in_height, out_height, nearest).taps;
    return 2.0 * static_cast<double>(planes * out_width * (in_height * across + out_height * down));
  }
  bool images() const { return true; }
  ResizeCase with_images(Index n) const {
    ResizeCase result = *this;
    result.planes = n * planes;
    return result;
  }

  // clang-format off
  static std::vector<ResizeCase> list() {
    return {
        {.name = "one pixel", .seed = 1},
        {.name = "no plane", .seed = 2, .planes = 0, .in_height = 4, .in_width = 4,
         .out_height = 7, .out_width = 7},
        {.name = "7 to 14", .seed = 3, .planes = 3, .in_height = 7, .in_width = 7,
         .out_height = 14, .out_width = 14},
        {.name = "larger by 8/7", .seed = 4, .planes = 3, .in_height = 28, .in_width = 35,
         .out_height = 32, .out_width = 40},
        {.name = "smaller by 7/8", .seed = 5, .planes = 3, .in_height = 32, .in_width = 40,
         .out_height = 28, .out_width = 35},
        {.name = "much smaller, odd", .seed = 6, .planes = 2, .in_height = 61, .in_width = 43,
         .out_height = 9, .out_width = 5},
        {.name = "to one pixel", .seed = 7, .planes = 2, .in_height = 6, .in_width = 9},
        {.name = "from one pixel", .seed = 8, .planes = 2, .out_height = 5, .out_width = 6},
        {.name = "one axis grows, the other shrinks", .seed = 9, .planes = 2, .in_height = 8,
         .in_width = 21, .out_height = 19, .out_width = 6},
        {.name = "same size", .seed = 10, .planes = 1, .in_height = 5, .in_width = 8,
         .out_height = 5, .out_width = 8},
        {.name = "wide", .seed = 12, .planes = 2, .in_height = 6, .in_width = 301,
         .out_height = 4, .out_width = 530},
        {.name = "nearest", .seed = 11, .planes = 2, .in_height = 14, .in_width = 9,
         .out_height = 16, .out_width = 20, .nearest = true},
        {.name = "larger by 8/7, vectors", .seed = 13, .planes = 3, .in_height = 21,
         .in_width = 28, .out_height = 24, .out_width = 32},
    };
  }
  static std::vector<ResizeCase> benchmarks() {
    return {{.name = "224 to 256, 16 images", .planes = 48, .in_height = 224, .in_width = 224,
             .out_height = 256, .out_width = 256},
            {.name = "256 to 224, 16 images", .planes = 48, .in_height = 256, .in_width = 256,
             .out_height = 224, .out_width = 224}};
  }
  // clang-format on
};

struct ResizeBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index planes = 1, in_height = 1, in_width = 1, out_height = 1, out_width = 1;
  bool nearest = false;

  OFER_BACKWARD_CASE(resize_backward, resize)

  double bfloat16_error() const { return nearest ? 1 : 1.5; }

  kernels::ResizeArgs<double> bind_forward(Buffers<double>& b) const {
    return ResizeCase{.planes = planes,
                      .in_height = in_height,
                      .in_width = in_width,
                      .out_height = out_height,
                      .out_width = out_width,
                      .nearest = nearest}
        .bind(b);
  }
  template <class T>
  kernels::ResizeBackwardArgs<T> bind(Buffers<T>& b) const {
    return {.dy = b.input("dy", planes * out_height * out_width),
            .dx = b.output("dx", planes * in_height * in_width),
            .scratch = b.scratch("workspace", planes * in_height * out_width),
            .horizontal = bind_axis(b, "horizontal", axis_weights(in_width, out_width, nearest)),
            .vertical = bind_axis(b, "vertical", axis_weights(in_height, out_height, nearest)),
            .planes = planes,
            .in_height = in_height,
            .in_width = in_width,
            .out_height = out_height,
            .out_width = out_width};
  }
  Index reduction() const { return std::max(out_height, out_width); }
  double flops() const {
    return ResizeCase{.planes = planes,
                      .in_height = in_height,
                      .in_width = in_width,
                      .out_height = out_height,
                      .out_width = out_width,
                      .nearest = nearest}
        .flops();
  }

  // clang-format off
  static std::vector<ResizeBackwardCase> list() {
    return {
        {.name = "7 to 14", .seed = 1, .planes = 2, .in_height = 7, .in_width = 7,
         .out_height = 14, .out_width = 14},
        {.name = "smaller", .seed = 2, .planes = 2, .in_height = 13, .in_width = 16,
         .out_height = 5, .out_width = 7},
        {.name = "one axis grows, the other shrinks", .seed = 3, .planes = 1, .in_height = 6,
         .in_width = 15, .out_height = 11, .out_width = 4},
        {.name = "nearest, some inputs unused", .seed = 4, .planes = 2, .in_height = 9,
         .in_width = 10, .out_height = 5, .out_width = 4, .nearest = true},
        {.name = "no plane", .seed = 5, .planes = 0, .in_height = 4, .in_width = 4,
         .out_height = 7, .out_width = 7},
        {.name = "wide", .seed = 6, .planes = 6, .in_height = 4, .in_width = 530,
         .out_height = 6, .out_width = 301},
        {.name = "smaller, vectors", .seed = 7, .planes = 3, .in_height = 9, .in_width = 24,
         .out_height = 7, .out_width = 20},
        {.name = "from few pixels to many", .seed = 8, .planes = 1, .in_height = 2, .in_width = 1,
         .out_height = 5, .out_width = 70},
    };
  }
  static std::vector<ResizeBackwardCase> benchmarks() {
    return {{.name = "256 to 224, 16 images", .planes = 48, .in_height = 256, .in_width = 256,
             .out_height = 224, .out_width = 224}};
  }
  // clang-format on
};

}  // namespace ofer::test
