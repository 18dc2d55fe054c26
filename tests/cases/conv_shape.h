// Cases of conv2d and conv_transpose2d: what they share.
#pragma once

#include <algorithm>

#include "tests/support/case.h"

namespace ofer::test {

// Named so that a list reads like a layer; the output's size follows.
struct ConvShape {
  Index batch = 1, in_channels = 1, out_channels = 1;
  Index height = 1, width = 1;
  Index kernel_h = 1, kernel_w = 1;
  Index stride_h = 1, stride_w = 1;
  Index pad_h = 0, pad_w = 0;
  Index dilation_h = 1, dilation_w = 1;
  Index output_padding = 0;  // transposed only: rows and columns added at the far ends

  kernels::ConvGeometry geometry(bool transposed) const {
    const Index reach_h = dilation_h * (kernel_h - 1) + 1,
                reach_w = dilation_w * (kernel_w - 1) + 1;
    kernels::ConvGeometry g{};
    g.batch = batch;
    g.in_channels = in_channels;
    g.in_height = height;
    g.in_width = width;
    g.out_channels = out_channels;
    g.out_height = transposed ? (height - 1) * stride_h - 2 * pad_h + reach_h + output_padding
                              : (height + 2 * pad_h - reach_h) / stride_h + 1;
    g.out_width = transposed ? (width - 1) * stride_w - 2 * pad_w + reach_w + output_padding
                             : (width + 2 * pad_w - reach_w) / stride_w + 1;
    g.kernel_h = kernel_h;
    g.kernel_w = kernel_w;
    g.stride_h = stride_h;
    g.stride_w = stride_w;
    g.pad_h = pad_h;
    g.pad_w = pad_w;
    g.dilation_h = dilation_h;
    g.dilation_w = dilation_w;
    return g;
  }
  Index weights() const { return in_channels * out_channels * kernel_h * kernel_w; }
};

inline Index in_size(const kernels::ConvGeometry& g) {
  return g.batch * g.in_channels * g.in_height * g.in_width;
}
inline Index out_size(const kernels::ConvGeometry& g) {
  return g.batch * g.out_channels * g.out_height * g.out_width;
}
// Multiplications and additions: one pair for each weight and position of the output (of the input
// when transposed).
// A bfloat16 product needs bfloat16 operands: an activation that makes others of them is rounded.
inline bool conv_rounds_twice(kernels::Activation activation) {
  return activation != kernels::Activation::kNone && activation != kernels::Activation::kRelu;
}
// In tf32 the activation comes before the rounding, which the oracle can only do the other way
// round: where the order matters it does not try.
inline std::vector<std::string> conv_tf32_operands(kernels::Activation activation) {
  if (conv_rounds_twice(activation)) return {};
  return {"x", "weight"};
}

inline double conv_flops(const ConvShape& shape, bool transposed) {
  const kernels::ConvGeometry g = shape.geometry(transposed);
  const Index positions = transposed ? g.in_height * g.in_width : g.out_height * g.out_width;
  return 2.0 * static_cast<double>(g.batch * positions * shape.weights());
}

// One struct for both operations: the arguments have the same members.
template <class Self>
struct ConvCaseMembers {
  template <class Args, class T>
  static Args bind(const Self& c, Buffers<T>& b, bool transposed) {
    const kernels::ConvGeometry g = c.shape.geometry(transposed);
    Args args{};
    args.geometry = g;
    args.x = b.input("x", in_size(g), c.x);
    args.weight = b.input("weight", c.shape.weights());
    args.bias = c.bias ? b.input("bias", g.out_channels) : nullptr;
    args.y = b.output("y", out_size(g));
    args.in_activation = c.in_activation;
    args.in_slope = c.in_slope;
    return args;
  }
  template <class Args, class T>
  static Args bind_backward(const Self& c, Buffers<T>& b, bool transposed) {
    const kernels::ConvGeometry g = c.shape.geometry(transposed);
    Args args{};
    args.geometry = g;
    args.dy = b.input("dy", out_size(g));
    args.x = b.input("x", in_size(g));
    args.weight = b.input("weight", c.shape.weights());
    args.dx = c.dx ? b.output("dx", in_size(g)) : nullptr;
    args.dweight = c.dweight ? b.output("dweight", c.shape.weights()) : nullptr;
    args.dbias = c.dbias ? b.output("dbias", g.out_channels) : nullptr;
    return args;
  }
};

// Shapes of the backward cases of both.
struct ConvGradientShape {
  const char* name;
  ConvShape shape;
};
// clang-format off
inline std::vector<ConvGradientShape> conv_gradient_shapes(bool transposed) {
  std::vector<ConvGradientShape> shapes = {
      {"one number", {}},
      {"no image", {.batch = 0, .in_channels = 2, .out_channels = 3, .height = 5, .width = 5,
                    .kernel_h = 3, .kernel_w = 3}},
      {"1x1", {.batch = 2, .in_channels = 5, .out_channels = 4, .height = 3, .width = 3}},
      {"3x3", {.batch = 2, .in_channels = 3, .out_channels = 4, .height = 5, .width = 6,
               .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}},
      {"3x3 stride 2", {.batch = 1, .in_channels = 3, .out_channels = 5, .height = 6, .width = 7,
                        .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .pad_h = 1,
                        .pad_w = 1}},
      {"4x4 stride 2", {.batch = 2, .in_channels = 3, .out_channels = 2, .height = 4, .width = 6,
                        .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .pad_h = 1,
                        .pad_w = 1}},
      {"everything different by axis",
       {.batch = 2, .in_channels = 2, .out_channels = 3, .height = 9, .width = 7, .kernel_h = 2,
        .kernel_w = 3, .stride_h = 3, .stride_w = 1, .pad_h = 1, .pad_w = 2, .dilation_h = 3,
        .dilation_w = 2}},
      {"3x3 of one position", {.batch = 3, .in_channels = 4, .out_channels = 2, .height = 1,
                               .width = 1, .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}},
  };
  // What a convolution gathers for its matrix product is larger than a cache here.
  shapes.push_back({"large products",
                    {.batch = 1, .in_channels = transposed ? 2 : 40,
                     .out_channels = transposed ? 40 : 2, .height = 27, .width = 28, .kernel_h = 3,
                     .kernel_w = 3, .pad_h = 1, .pad_w = 1}});
  // More than one block of a GPU kernel: of the weights, of the sum over positions, of a channel.
  shapes.push_back({"65 channels to 65", {.batch = 2, .in_channels = 65, .out_channels = 65,
                                          .height = 3, .width = 2, .kernel_h = 1, .kernel_w = 2,
                                          .pad_w = 1}});
  shapes.push_back({"long sums", {.batch = 2, .in_channels = 1, .out_channels = 2, .height = 46,
                                  .width = 47}});
  // Positions in runs of 16 bytes; one of two neighbours in the list has aligned buffers.
  shapes.push_back({"8x8 positions", {.batch = 2, .in_channels = 7, .out_channels = 9, .height = 8,
                                      .width = 8, .kernel_h = 3, .kernel_w = 3, .pad_h = 1,
                                      .pad_w = 1}});
  shapes.push_back({"4x4 positions, 66 channels to 72",
                    {.batch = 3, .in_channels = 66, .out_channels = 72, .height = 4, .width = 4}});
  // A map that a GPU's tensor cores read in windows.
  shapes.push_back({"8x16 positions, 36 channels to 40",
                    {.batch = 1, .in_channels = 36, .out_channels = 40, .height = 8, .width = 16,
                     .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}});
  if (transposed) {
    shapes.push_back({"output padding", {.batch = 1, .in_channels = 2, .out_channels = 3,
                                         .height = 4, .width = 3, .kernel_h = 3, .kernel_w = 3,
                                         .stride_h = 2, .stride_w = 2, .pad_h = 1, .pad_w = 1,
                                         .output_padding = 1}});
  } else {
    shapes.push_back({"4x4 stride 2 dilation 2",
                      {.batch = 2, .in_channels = 3, .out_channels = 3, .height = 6, .width = 6,
                       .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .pad_h = 3,
                       .pad_w = 3, .dilation_h = 2, .dilation_w = 2}});
    shapes.push_back({"4x4 dilation 2 of 2x2",
                      {.batch = 2, .in_channels = 3, .out_channels = 4, .height = 2, .width = 2,
                       .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .pad_h = 3,
                       .pad_w = 3, .dilation_h = 2, .dilation_w = 2}});
    shapes.push_back({"rows left over", {.batch = 1, .in_channels = 2, .out_channels = 3,
                                         .height = 12, .width = 9, .kernel_h = 3, .kernel_w = 2,
                                         .stride_h = 4, .stride_w = 3}});
    shapes.push_back({"patch embedding", {.batch = 2, .in_channels = 3, .out_channels = 5,
                                          .height = 8, .width = 4, .kernel_h = 4, .kernel_w = 4,
                                          .stride_h = 4, .stride_w = 4}});
  }
  return shapes;
}
// clang-format on

template <class Case>
std::vector<Case> conv_gradient_cases(bool transposed) {
  std::vector<Case> cases;
  std::uint64_t seed = 1;
  for (const ConvGradientShape& row : conv_gradient_shapes(transposed))
    cases.push_back({.name = row.name, .seed = seed++, .shape = row.shape});
  const ConvShape shape = conv_gradient_shapes(transposed)[3].shape;
  cases.push_back(
      {.name = "dx alone", .seed = seed++, .shape = shape, .dweight = false, .dbias = false});
  cases.push_back(
      {.name = "dweight alone", .seed = seed++, .shape = shape, .dx = false, .dbias = false});
  cases.push_back(
      {.name = "dbias alone", .seed = seed++, .shape = shape, .dx = false, .dweight = false});
  return cases;
}

// Terms of the longest sum: positions of the batch for a weight, channels times taps for dx.
inline Index conv_reduction(const ConvShape& shape, bool transposed) {
  const kernels::ConvGeometry g = shape.geometry(transposed);
  return std::max({g.batch * g.out_height * g.out_width, g.batch * g.in_height * g.in_width,
                   g.out_channels * g.kernel_h * g.kernel_w,
                   g.in_channels * g.kernel_h * g.kernel_w});
}

}  // namespace ofer::test
