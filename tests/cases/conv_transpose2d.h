// Cases of conv_transpose2d.
#pragma once

#include "tests/cases/conv_shape.h"
#include "tests/support/case.h"

namespace ofer::test {

struct ConvTranspose2dCase {
  const char* name = "";
  std::uint64_t seed = 1;
  ConvShape shape = {};
  bool bias = true;
  kernels::Activation in_activation = kernels::Activation::kNone;
  double in_slope = 0;
  Fill x = {};

  OFER_FORWARD_CASE(conv_transpose2d)

  double bfloat16_error() const { return conv_rounds_twice(in_activation) ? 1.5 : 1; }
  std::vector<std::string> tf32_operands() const { return conv_tf32_operands(in_activation); }
  static double tf32_error() { return kTensorSumTolerance; }

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

  // clang-format off
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
        {.name = "large products", .seed = 13,
         .shape = {.batch = 1, .in_channels = 2, .out_channels = 40, .height = 27, .width = 28,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}},
        {.name = "to three channels", .seed = 12,
         .shape = {.batch = 1, .in_channels = 8, .out_channels = 3, .height = 21, .width = 22,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
         .in_activation = Activation::kRelu},
        // Around the sizes at which a GPU kernel takes another block, and one block more.
        {.name = "129 channels from 129 positions, stride 2", .seed = 14,
         .shape = {.batch = 1, .in_channels = 1, .out_channels = 129, .height = 3, .width = 43,
                   .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .pad_h = 1,
                   .pad_w = 1}},
        {.name = "phases of unequal depth, split", .seed = 15,
         .shape = {.batch = 2, .in_channels = 40, .out_channels = 6, .height = 5, .width = 4,
                   .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .pad_h = 1,
                   .pad_w = 1}, .in_activation = Activation::kRelu},
        {.name = "dilation and stride with a common factor", .seed = 16,
         .shape = {.batch = 2, .in_channels = 3, .out_channels = 5, .height = 4, .width = 3,
                   .kernel_h = 3, .kernel_w = 4, .stride_h = 4, .stride_w = 6, .pad_h = 1,
                   .pad_w = 2, .dilation_h = 6, .dilation_w = 4}},
        {.name = "fewer outputs than the stride", .seed = 17,
         .shape = {.batch = 2, .in_channels = 3, .out_channels = 2, .height = 1, .width = 1,
                   .kernel_h = 2, .kernel_w = 3, .stride_h = 5, .stride_w = 4}},
        {.name = "65 channels at 4 positions", .seed = 18,
         .shape = {.batch = 1, .in_channels = 24, .out_channels = 65, .height = 2, .width = 2,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}},
        // Maps that a GPU's tensor cores read in windows.
        {.name = "windows, 70 channels, 4x4 stride 2", .seed = 19,
         .shape = {.batch = 1, .in_channels = 40, .out_channels = 70, .height = 8, .width = 15,
                   .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .pad_h = 1,
                   .pad_w = 1}, .in_activation = Activation::kRelu},
        {.name = "windows, 24 channels, 3x3", .seed = 20,
         .shape = {.batch = 1, .in_channels = 36, .out_channels = 24, .height = 8, .width = 16,
                   .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
         .in_activation = Activation::kSigmoid},
        {.name = "windows, three channels, stride 2", .seed = 21,
         .shape = {.batch = 1, .in_channels = 100, .out_channels = 3, .height = 30, .width = 29,
                   .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .pad_h = 1,
                   .pad_w = 1}, .in_activation = Activation::kRelu},
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
  // clang-format on
};

struct ConvTranspose2dBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  ConvShape shape = {};
  bool dx = true, dweight = true, dbias = true;

  OFER_BACKWARD_CASE(conv_transpose2d_backward, conv_transpose2d)

  static std::vector<std::string> tf32_operands() { return {"dy", "x", "weight"}; }
  static double tf32_error() { return kTensorSumTolerance; }

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
  // clang-format off
  static std::vector<ConvTranspose2dBackwardCase> list() {
    return conv_gradient_cases<ConvTranspose2dBackwardCase>(true);
  }
  static std::vector<ConvTranspose2dBackwardCase> benchmarks() {
    return {{.name = "unet level 3 up, 4 images",
             .shape = ConvTranspose2dCase::benchmarks()[0].shape}};
  }
  // clang-format on
};

}  // namespace ofer::test
