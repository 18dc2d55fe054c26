// Cases of conv2d.
#pragma once

#include "tests/cases/conv_shape.h"
#include "tests/support/case.h"

namespace ofer::test {

struct Conv2dCase {
  const char* name = "";
  std::uint64_t seed = 1;
  ConvShape shape = {};
  bool bias = true;
  kernels::Activation in_activation = kernels::Activation::kNone;
  double in_slope = 0;
  Fill x = {};

  OFER_FORWARD_CASE(conv2d)

  double bfloat16_error() const { return conv_rounds_twice(in_activation) ? 1.5 : 1; }
  std::vector<std::string> tf32_operands() const { return conv_tf32_operands(in_activation); }
  static double tf32_error() { return kTensorSumTolerance; }

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

  // clang-format off
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
        {.name = "large products", .seed = 20,
         .shape = {.batch = 1, .in_channels = 40, .out_channels = 2, .height = 27, .width = 28,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}},
        {.name = "large mean", .seed = 19,
         .shape = {.batch = 2, .in_channels = 3, .out_channels = 4, .height = 6, .width = 6,
                   .kernel_h = 3, .kernel_w = 3}, .x = {Distribution::kLargeMean}},
        // Around the sizes at which a GPU kernel takes another block, and one block more.
        {.name = "128 channels at 128 positions", .seed = 21,
         .shape = {.batch = 1, .in_channels = 1, .out_channels = 128, .height = 8, .width = 16,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}},
        {.name = "129 channels at 129 positions", .seed = 22,
         .shape = {.batch = 1, .in_channels = 1, .out_channels = 129, .height = 3, .width = 43,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}},
        {.name = "64 channels at 65 positions", .seed = 23,
         .shape = {.batch = 1, .in_channels = 2, .out_channels = 64, .height = 5, .width = 13,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
         .in_activation = Activation::kGelu},
        {.name = "65 channels at 64 positions", .seed = 24,
         .shape = {.batch = 1, .in_channels = 16, .out_channels = 65, .height = 8, .width = 8}},
        {.name = "65 channels at 33 positions", .seed = 25,
         .shape = {.batch = 1, .in_channels = 17, .out_channels = 65, .height = 3, .width = 11}},
        {.name = "64 channels at 17 positions", .seed = 26,
         .shape = {.batch = 1, .in_channels = 32, .out_channels = 64, .height = 1, .width = 17}},
        {.name = "65 channels at 16 positions", .seed = 27,
         .shape = {.batch = 1, .in_channels = 33, .out_channels = 65, .height = 4, .width = 4}},
        {.name = "4 channels at 257 positions", .seed = 28,
         .shape = {.batch = 1, .in_channels = 3, .out_channels = 4, .height = 1, .width = 257,
                   .kernel_h = 1, .kernel_w = 3, .pad_w = 1}},
        {.name = "64 terms", .seed = 29,
         .shape = {.batch = 1, .in_channels = 64, .out_channels = 6, .height = 2, .width = 3}},
        {.name = "65 terms", .seed = 30,
         .shape = {.batch = 1, .in_channels = 65, .out_channels = 6, .height = 2, .width = 2}},
        {.name = "24 positions, many in a batch", .seed = 31,
         .shape = {.batch = 1, .in_channels = 23, .out_channels = 70, .height = 4, .width = 6,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
         .in_activation = Activation::kLeakyRelu, .in_slope = 0.2},
        // Weights in aligned runs of 16 bytes, in each size of block that reads them so.
        {.name = "weights in runs, 130 channels at 130 positions", .seed = 33,
         .shape = {.batch = 1, .in_channels = 16, .out_channels = 130, .height = 10, .width = 13}},
        {.name = "weights in runs, 66 channels at 40 positions", .seed = 35,
         .shape = {.batch = 1, .in_channels = 24, .out_channels = 66, .height = 8, .width = 5,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
         .in_activation = Activation::kGelu},
        {.name = "weights in runs, 20 channels at 9 positions", .seed = 37,
         .shape = {.batch = 1, .in_channels = 40, .out_channels = 20, .height = 3, .width = 3,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
         .in_activation = Activation::kRelu},
        // Maps that a GPU's tensor cores read in windows: split and whole, in each size of block.
        {.name = "windows, 130 channels, odd width", .seed = 38,
         .shape = {.batch = 1, .in_channels = 40, .out_channels = 130, .height = 8, .width = 31,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
         .in_activation = Activation::kGelu},
        {.name = "windows, 64 channels, dilated stride 2", .seed = 39,
         .shape = {.batch = 1, .in_channels = 40, .out_channels = 64, .height = 16, .width = 29,
                   .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .pad_h = 3,
                   .pad_w = 3, .dilation_h = 2, .dilation_w = 2},
         .in_activation = Activation::kLeakyRelu, .in_slope = 0.2},
        {.name = "windows, dilation 2, no padding below", .seed = 40,
         .shape = {.batch = 1, .in_channels = 36, .out_channels = 65, .height = 20, .width = 20,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 0, .pad_w = 0, .dilation_h = 2,
                   .dilation_w = 2}, .in_activation = Activation::kSigmoid},
        {.name = "windows, 1 x 4 taps, no bias", .seed = 41,
         .shape = {.batch = 1, .in_channels = 33, .out_channels = 20, .height = 13, .width = 17,
                   .kernel_h = 1, .kernel_w = 4, .pad_w = 1}, .bias = false},
        {.name = "windows, three channels", .seed = 42,
         .shape = {.batch = 1, .in_channels = 40, .out_channels = 3, .height = 23, .width = 30,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
         .in_activation = Activation::kRelu},
        // Alone in small blocks, three images together in the two largest sizes.
        {.name = "windows, 66 channels at 44 places", .seed = 43,
         .shape = {.batch = 1, .in_channels = 33, .out_channels = 66, .height = 30, .width = 177,
                   .kernel_h = 1, .kernel_w = 4, .pad_w = 1},
         .in_activation = Activation::kRelu},
        {.name = "windows, 34 channels at 44 places", .seed = 44,
         .shape = {.batch = 1, .in_channels = 33, .out_channels = 34, .height = 30, .width = 177,
                   .kernel_h = 1, .kernel_w = 4, .pad_w = 1}},
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
  // clang-format on
};

struct Conv2dBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  ConvShape shape = {};
  bool dx = true, dweight = true, dbias = true;

  OFER_BACKWARD_CASE(conv2d_backward, conv2d)

  static std::vector<std::string> tf32_operands() { return {"dy", "x", "weight"}; }
  static double tf32_error() { return kTensorSumTolerance; }

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
  // clang-format off
  static std::vector<Conv2dBackwardCase> list() {
    return conv_gradient_cases<Conv2dBackwardCase>(false);
  }
  static std::vector<Conv2dBackwardCase> benchmarks() {
    return {{.name = "resnet stage 2, 16 images", .shape = Conv2dCase::benchmarks()[3].shape}};
  }
  // clang-format on
};

}  // namespace ofer::test
