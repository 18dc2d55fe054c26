// Cases of conv2d and conv_transpose2d.
#pragma once

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
    const Index reach_h = dilation_h * (kernel_h - 1) + 1, reach_w = dilation_w * (kernel_w - 1) + 1;
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
inline double conv_flops(const ConvShape& shape, bool transposed) {
  const kernels::ConvGeometry g = shape.geometry(transposed);
  const Index positions =
      transposed ? g.in_height * g.in_width : g.out_height * g.out_width;
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

struct Conv2dCase {
  const char* name = "";
  std::uint64_t seed = 1;
  ConvShape shape = {};
  bool bias = true;
  kernels::Activation in_activation = kernels::Activation::kNone;
  double in_slope = 0;
  Fill x = {};

  OFER_FORWARD_CASE(conv2d)

  template <class T>
  kernels::Conv2dArgs<T> bind(Buffers<T>& b) const {
    return ConvCaseMembers<Conv2dCase>::bind<kernels::Conv2dArgs<T>>(*this, b, false);
  }
  double flops() const { return conv_flops(shape, false); }
  bool images() const { return true; }
  Conv2dCase with_images(Index n) const {
    Conv2dCase result = *this;
    result.shape.batch = n;
    return result;
  }

  static std::vector<Conv2dCase> list() {
    using kernels::Activation;
    return {
        {.name = "one number", .seed = 1},
        {.name = "no image", .seed = 2,
         .shape = {.batch = 0, .in_channels = 2, .out_channels = 3, .height = 5, .width = 5,
                   .kernel_h = 3, .kernel_w = 3}},
        {.name = "1x1", .seed = 3,
         .shape = {.batch = 2, .in_channels = 13, .out_channels = 10, .height = 7, .width = 7}},
        {.name = "1x1 stride 2", .seed = 4,
         .shape = {.batch = 2, .in_channels = 8, .out_channels = 16, .height = 7, .width = 6,
                   .stride_h = 2, .stride_w = 2}, .bias = false},
        {.name = "3x3", .seed = 5,
         .shape = {.batch = 3, .in_channels = 5, .out_channels = 9, .height = 11, .width = 13,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}},
        {.name = "3x3 of one position", .seed = 6,
         .shape = {.batch = 2, .in_channels = 6, .out_channels = 4, .height = 1, .width = 1,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}},
        {.name = "3x3 stride 2, even", .seed = 7,
         .shape = {.batch = 2, .in_channels = 4, .out_channels = 7, .height = 8, .width = 10,
                   .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .pad_h = 1,
                   .pad_w = 1}, .bias = false, .in_activation = Activation::kRelu},
        {.name = "7x7 stride 2", .seed = 8,
         .shape = {.batch = 1, .in_channels = 3, .out_channels = 8, .height = 19, .width = 23,
                   .kernel_h = 7, .kernel_w = 7, .stride_h = 2, .stride_w = 2, .pad_h = 3,
                   .pad_w = 3}},
        {.name = "4x4 stride 2 dilation 2, leaky", .seed = 9,
         .shape = {.batch = 3, .in_channels = 4, .out_channels = 4, .height = 8, .width = 8,
                   .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .pad_h = 3,
                   .pad_w = 3, .dilation_h = 2, .dilation_w = 2},
         .in_activation = Activation::kLeakyRelu, .in_slope = 0.2},
        {.name = "4x4 dilation 2 of 2x2", .seed = 10,
         .shape = {.batch = 2, .in_channels = 16, .out_channels = 16, .height = 2, .width = 2,
                   .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .pad_h = 3,
                   .pad_w = 3, .dilation_h = 2, .dilation_w = 2},
         .in_activation = Activation::kLeakyRelu, .in_slope = 0.2},
        {.name = "1x3", .seed = 11,
         .shape = {.batch = 2, .in_channels = 6, .out_channels = 5, .height = 7, .width = 7,
                   .kernel_h = 1, .kernel_w = 3, .pad_h = 0, .pad_w = 1}},
        {.name = "3x1", .seed = 12,
         .shape = {.batch = 2, .in_channels = 6, .out_channels = 5, .height = 7, .width = 7,
                   .kernel_h = 3, .kernel_w = 1, .pad_h = 1, .pad_w = 0}},
        {.name = "everything different by axis", .seed = 13,
         .shape = {.batch = 2, .in_channels = 3, .out_channels = 5, .height = 17, .width = 12,
                   .kernel_h = 2, .kernel_w = 5, .stride_h = 3, .stride_w = 1, .pad_h = 0,
                   .pad_w = 4, .dilation_h = 3, .dilation_w = 2}},
        {.name = "rows left over", .seed = 14,
         .shape = {.batch = 1, .in_channels = 2, .out_channels = 3, .height = 12, .width = 9,
                   .kernel_h = 3, .kernel_w = 2, .stride_h = 4, .stride_w = 3}},
        {.name = "padding wider than the kernel", .seed = 15,
         .shape = {.batch = 1, .in_channels = 2, .out_channels = 2, .height = 3, .width = 4,
                   .kernel_h = 2, .kernel_w = 2, .pad_h = 3, .pad_w = 2},
         .in_activation = Activation::kSigmoid},
        {.name = "patch embedding", .seed = 16,
         .shape = {.batch = 2, .in_channels = 3, .out_channels = 24, .height = 32, .width = 48,
                   .kernel_h = 16, .kernel_w = 16, .stride_h = 16, .stride_w = 16}},
        {.name = "many channels", .seed = 17,
         .shape = {.batch = 1, .in_channels = 130, .out_channels = 67, .height = 4, .width = 5,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
         .in_activation = Activation::kRelu},
        {.name = "wide map", .seed = 18,
         .shape = {.batch = 1, .in_channels = 2, .out_channels = 3, .height = 24, .width = 37,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}},
        {.name = "large mean", .seed = 19,
         .shape = {.batch = 2, .in_channels = 3, .out_channels = 4, .height = 6, .width = 6,
                   .kernel_h = 3, .kernel_w = 3}, .x = {Distribution::kLargeMean}},
    };
  }
  static std::vector<Conv2dCase> benchmarks() {
    using kernels::Activation;
    return {
        {.name = "unet level 0, 1 image",
         .shape = {.batch = 1, .in_channels = 12, .out_channels = 128, .height = 256,
                   .width = 256, .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}},
        {.name = "unet level 2 down, 4 images",
         .shape = {.batch = 4, .in_channels = 256, .out_channels = 256, .height = 128,
                   .width = 128, .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2,
                   .pad_h = 3, .pad_w = 3, .dilation_h = 2, .dilation_w = 2},
         .in_activation = Activation::kLeakyRelu, .in_slope = 0.2},
        {.name = "resnet stem, 16 images",
         .shape = {.batch = 16, .in_channels = 3, .out_channels = 64, .height = 224, .width = 224,
                   .kernel_h = 7, .kernel_w = 7, .stride_h = 2, .stride_w = 2, .pad_h = 3,
                   .pad_w = 3}},
        {.name = "resnet stage 2, 16 images",
         .shape = {.batch = 16, .in_channels = 128, .out_channels = 128, .height = 28,
                   .width = 28, .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}},
    };
  }
};

struct ConvTranspose2dCase {
  const char* name = "";
  std::uint64_t seed = 1;
  ConvShape shape = {};
  bool bias = true;
  kernels::Activation in_activation = kernels::Activation::kNone;
  double in_slope = 0;
  Fill x = {};

  OFER_FORWARD_CASE(conv_transpose2d)

  template <class T>
  kernels::ConvTranspose2dArgs<T> bind(Buffers<T>& b) const {
    return ConvCaseMembers<ConvTranspose2dCase>::bind<kernels::ConvTranspose2dArgs<T>>(*this, b,
                                                                                      true);
  }
  double flops() const { return conv_flops(shape, true); }
  bool images() const { return true; }
  ConvTranspose2dCase with_images(Index n) const {
    ConvTranspose2dCase result = *this;
    result.shape.batch = n;
    return result;
  }

  static std::vector<ConvTranspose2dCase> list() {
    using kernels::Activation;
    return {
        {.name = "one number", .seed = 1},
        {.name = "no image", .seed = 2,
         .shape = {.batch = 0, .in_channels = 2, .out_channels = 3, .height = 5, .width = 5,
                   .kernel_h = 3, .kernel_w = 3}},
        {.name = "1x1", .seed = 3,
         .shape = {.batch = 2, .in_channels = 5, .out_channels = 7, .height = 3, .width = 6}},
        {.name = "3x3, relu", .seed = 4,
         .shape = {.batch = 2, .in_channels = 6, .out_channels = 5, .height = 7, .width = 9,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
         .in_activation = Activation::kRelu},
        {.name = "4x4 stride 2, relu", .seed = 5,
         .shape = {.batch = 3, .in_channels = 4, .out_channels = 6, .height = 5, .width = 8,
                   .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .pad_h = 1,
                   .pad_w = 1}, .in_activation = Activation::kRelu},
        {.name = "4x4 stride 2 of one position", .seed = 6,
         .shape = {.batch = 2, .in_channels = 16, .out_channels = 16, .height = 1, .width = 1,
                   .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .pad_h = 1,
                   .pad_w = 1}, .in_activation = Activation::kRelu},
        {.name = "gaps between the kernels", .seed = 7,
         .shape = {.batch = 1, .in_channels = 3, .out_channels = 2, .height = 4, .width = 3,
                   .kernel_h = 2, .kernel_w = 2, .stride_h = 3, .stride_w = 4}},
        {.name = "gaps, no bias", .seed = 8,
         .shape = {.batch = 1, .in_channels = 3, .out_channels = 2, .height = 4, .width = 3,
                   .kernel_h = 1, .kernel_w = 2, .stride_h = 3, .stride_w = 4}, .bias = false},
        {.name = "everything different by axis", .seed = 9,
         .shape = {.batch = 2, .in_channels = 3, .out_channels = 5, .height = 6, .width = 4,
                   .kernel_h = 2, .kernel_w = 5, .stride_h = 3, .stride_w = 1, .pad_h = 1,
                   .pad_w = 2, .dilation_h = 3, .dilation_w = 2},
         .in_activation = Activation::kLeakyRelu, .in_slope = 0.2},
        {.name = "output padding", .seed = 10,
         .shape = {.batch = 2, .in_channels = 3, .out_channels = 4, .height = 5, .width = 4,
                   .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .pad_h = 1,
                   .pad_w = 1, .output_padding = 1}},
        {.name = "many channels", .seed = 11,
         .shape = {.batch = 1, .in_channels = 130, .out_channels = 35, .height = 4, .width = 4,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}, .bias = false},
        {.name = "to three channels", .seed = 12,
         .shape = {.batch = 1, .in_channels = 8, .out_channels = 3, .height = 21, .width = 22,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
         .in_activation = Activation::kRelu},
    };
  }
  static std::vector<ConvTranspose2dCase> benchmarks() {
    using kernels::Activation;
    return {
        {.name = "unet level 3 up, 4 images",
         .shape = {.batch = 4, .in_channels = 256, .out_channels = 256, .height = 32, .width = 32,
                   .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .pad_h = 1,
                   .pad_w = 1}, .in_activation = Activation::kRelu},
        {.name = "unet level 0 out, 4 images",
         .shape = {.batch = 4, .in_channels = 128, .out_channels = 3, .height = 256, .width = 256,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
         .in_activation = Activation::kRelu},
    };
  }
};

// Shapes of the backward cases of both.
struct ConvGradientShape {
  const char* name;
  ConvShape shape;
};
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

template <class Case>
std::vector<Case> conv_gradient_cases(bool transposed) {
  std::vector<Case> cases;
  std::uint64_t seed = 1;
  for (const ConvGradientShape& row : conv_gradient_shapes(transposed))
    cases.push_back({.name = row.name, .seed = seed++, .shape = row.shape});
  const ConvShape shape = conv_gradient_shapes(transposed)[3].shape;
  cases.push_back({.name = "dx alone", .seed = seed++, .shape = shape, .dweight = false,
                   .dbias = false});
  cases.push_back({.name = "dweight alone", .seed = seed++, .shape = shape, .dx = false,
                   .dbias = false});
  cases.push_back({.name = "dbias alone", .seed = seed++, .shape = shape, .dx = false,
                   .dweight = false});
  return cases;
}

// Terms of the longest sum: positions of the batch for a weight, channels times taps for dx.
inline Index conv_reduction(const ConvShape& shape, bool transposed) {
  const kernels::ConvGeometry g = shape.geometry(transposed);
  return std::max({g.batch * g.out_height * g.out_width, g.batch * g.in_height * g.in_width,
                   g.out_channels * g.kernel_h * g.kernel_w,
                   g.in_channels * g.kernel_h * g.kernel_w});
}

struct Conv2dBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  ConvShape shape = {};
  bool dx = true, dweight = true, dbias = true;

  OFER_BACKWARD_CASE(conv2d_backward, conv2d)

  kernels::Conv2dArgs<double> bind_forward(Buffers<double>& b) const {
    return Conv2dCase{.shape = shape}.bind(b);
  }
  template <class T>
  kernels::Conv2dBackwardArgs<T> bind(Buffers<T>& b) const {
    return ConvCaseMembers<Conv2dBackwardCase>::bind_backward<kernels::Conv2dBackwardArgs<T>>(
        *this, b, false);
  }
  Index reduction() const { return conv_reduction(shape, false); }
  double flops() const { return (dx + dweight) * conv_flops(shape, false); }
  static std::vector<Conv2dBackwardCase> list() {
    return conv_gradient_cases<Conv2dBackwardCase>(false);
  }
  static std::vector<Conv2dBackwardCase> benchmarks() {
    return {{.name = "resnet stage 2, 16 images", .shape = Conv2dCase::benchmarks()[3].shape}};
  }
};

struct ConvTranspose2dBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  ConvShape shape = {};
  bool dx = true, dweight = true, dbias = true;

  OFER_BACKWARD_CASE(conv_transpose2d_backward, conv_transpose2d)

  kernels::ConvTranspose2dArgs<double> bind_forward(Buffers<double>& b) const {
    return ConvTranspose2dCase{.shape = shape}.bind(b);
  }
  template <class T>
  kernels::ConvTranspose2dBackwardArgs<T> bind(Buffers<T>& b) const {
    return ConvCaseMembers<ConvTranspose2dBackwardCase>::bind_backward<
        kernels::ConvTranspose2dBackwardArgs<T>>(*this, b, true);
  }
  Index reduction() const { return conv_reduction(shape, true); }
  double flops() const { return (dx + dweight) * conv_flops(shape, true); }
  static std::vector<ConvTranspose2dBackwardCase> list() {
    return conv_gradient_cases<ConvTranspose2dBackwardCase>(true);
  }
  static std::vector<ConvTranspose2dBackwardCase> benchmarks() {
    return {{.name = "unet level 3 up, 4 images",
             .shape = ConvTranspose2dCase::benchmarks()[0].shape}};
  }
};

}  // namespace ofer::test
