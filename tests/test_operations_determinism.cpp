// The same bits with any number of threads, and for an image alone or in a batch.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/cases/all.h"
#include "tests/support/check_backward.h"
#include "tests/support/check_determinism.h"
#include "tests/support/check_segments.h"

namespace ofer::test {
namespace {

TEST_SUITE("operations_determinism") {
  TEST_CASE_TEMPLATE_DEFINE("forward, threads", Case, forward_threads) {
    for (const Backend& backend : cpu_backends())
      for (const Case& test : Case::list()) {
        check_threads<float>(backend, test, nullptr);
        check_threads<double>(backend, test, nullptr);
      }
  }
  TEST_CASE_TEMPLATE_APPLY(forward_threads, ForwardCases);

  TEST_CASE_TEMPLATE_DEFINE("backward, threads", Case, backward_threads) {
    for (const Backend& backend : cpu_backends())
      for (const Case& test : Case::list()) {
        const Values values = forward_values(test);
        check_threads<float>(backend, test, &values);
        check_threads<double>(backend, test, &values);
      }
  }
  TEST_CASE_TEMPLATE_APPLY(backward_threads, BackwardCases);

  TEST_CASE_TEMPLATE_DEFINE("images", Case, forward_images) {
    if constexpr (kHasImages<Case>)
      for (const Backend& backend : cpu_backends())
        for (const Case& test : image_cases<Case>()) {
          check_images<float>(backend, test);
          check_images<double>(backend, test);
        }
  }
  TEST_CASE_TEMPLATE_APPLY(forward_images, ForwardCases);

  // The lists are small; these are large enough to be split into many ranges.
  TEST_CASE("large sizes, threads") {
    const std::vector<Backend> backends = cpu_backends();
    const auto check = [&](const auto& test, const Values* values) {
      for (const Backend& backend : backends) {
        check_threads<float>(backend, test, values);
        check_threads<double>(backend, test, values);
      }
    };
    const auto forward = [&](const auto& test) { check(test, nullptr); };
    const auto backward = [&](const auto& test) {
      const Values values = forward_values(test);
      check(test, &values);
    };
    const std::vector<std::int32_t> tokens = {0, 97, 200, 201, 330};
    const ConvShape conv{.batch = 3,
                         .in_channels = 40,
                         .out_channels = 20,
                         .height = 27,
                         .width = 25,
                         .kernel_h = 3,
                         .kernel_w = 3,
                         .pad_h = 1,
                         .pad_w = 1};
    const PoolShape pool{.planes = 70,
                         .height = 40,
                         .width = 41,
                         .kernel_h = 3,
                         .kernel_w = 3,
                         .stride_h = 2,
                         .stride_w = 2,
                         .pad_h = 1,
                         .pad_w = 1};
    forward(LinearCase{.name = "large",
                       .rows = 401,
                       .in = 130,
                       .out = 700,
                       .activation = kernels::Activation::kGelu});
    backward(LinearBackwardCase{.name = "large", .rows = 401, .in = 203, .out = 210});
    forward(Conv2dCase{.name = "large", .shape = conv});
    backward(Conv2dBackwardCase{.name = "large", .shape = conv});
    forward(ConvTranspose2dCase{.name = "large", .shape = conv});
    backward(ConvTranspose2dBackwardCase{.name = "large", .shape = conv});
    forward(LayerNormCase{.name = "large", .rows = 2001, .columns = 65});
    backward(LayerNormBackwardCase{.name = "large", .rows = 2001, .columns = 70});
    forward(InstanceNormCase{.name = "large", .batch = 3, .channels = 11, .positions = 3001});
    backward(
        InstanceNormBackwardCase{.name = "large", .batch = 5, .channels = 9, .positions = 2003});
    forward(BatchNormCase{.name = "large",
                          .batch = 5,
                          .channels = 9,
                          .positions = 2003,
                          .training = true,
                          .keep = true});
    backward(BatchNormBackwardCase{.name = "large", .batch = 5, .channels = 9, .positions = 2003});
    forward(AttentionCase{.name = "large", .offsets = tokens, .heads = 2, .head_width = 32});
    backward(
        AttentionBackwardCase{.name = "large", .offsets = tokens, .heads = 2, .head_width = 32});
    forward(SoftmaxCase{.name = "large", .outer = 500, .length = 197});
    backward(SoftmaxBackwardCase{.name = "large", .outer = 20, .length = 60, .inner = 90});
    backward(GatherRowsBackwardCase{.name = "large", .rows = 3000, .x_rows = 300, .width = 70});
    backward(Pool2dBackwardCase{.name = "large", .shape = pool});
    backward(ResizeBackwardCase{.name = "large",
                                .planes = 9,
                                .in_height = 90,
                                .in_width = 70,
                                .out_height = 64,
                                .out_width = 101});
    forward(ReduceCase{.name = "large", .outer = 3, .length = 2000, .inner = 70});
    forward(ReduceCase{.name = "one sum", .length = 200007});
    forward(
        KernelSvddCase{.name = "large", .batch = 3, .positions = 60, .width = 40, .supports = 50});
    backward(KernelSvddBackwardCase{
        .name = "large", .batch = 3, .positions = 60, .width = 40, .supports = 50});
    forward(KernelSvddConstantCase{.name = "large", .width = 40, .supports = 150});
    forward(PixelLossCase{.name = "large", .count = 200007});
    forward(CrossEntropyCase{.name = "large", .rows = 9001, .classes = 7, .weighted = true});
    backward(
        CrossEntropyBackwardCase{.name = "large", .rows = 9001, .classes = 7, .weighted = true});
    forward(RelativisticLossCase{.name = "large", .real_count = 90001, .fake_count = 70003});
    backward(
        RelativisticLossBackwardCase{.name = "large", .real_count = 90001, .fake_count = 70003});
    forward(SelfAssemblyPaperCase{
        .name = "large", .input = {.batch = 2, .channels = 40, .height = 16, .width = 17}});
    backward(SelfAssemblyPaperBackwardCase{
        .name = "large", .input = {.batch = 2, .channels = 40, .height = 16, .width = 17}});
    forward(GradCamCase{.name = "large", .batch = 4, .channels = 300, .positions = 49});
  }

  TEST_CASE_TEMPLATE("large sizes, images", T, float, double) {
    for (const Backend& backend : cpu_backends()) {
      const auto check = [&](const auto& test) { check_images<T>(backend, test); };
      check(LinearCase{.name = "large",
                       .in = 97,
                       .out = 500,
                       .activation = kernels::Activation::kGelu,
                       .group_rows = 101});
      check(LinearByPositionCase{.name = "large", .positions = 40, .in = 70, .out = 33});
      for (const ConvShape& shape :
           {ConvShape{.in_channels = 9,
           .out_channels = 33,
           .height = 29,
           .width = 31,
           .kernel_h = 3,
           .kernel_w = 3,
           .pad_h = 1,
           .pad_w = 1},
            ConvShape{.in_channels = 70,
            .out_channels = 40,
            .height = 2,
            .width = 2,
            .kernel_h = 4,
            .kernel_w = 4,
            .stride_h = 2,
            .stride_w = 2,
            .pad_h = 1,
            .pad_w = 1},
            ConvShape{.in_channels = 65, .out_channels = 48, .height = 7, .width = 7}}) {
        check(Conv2dCase{.name = "large", .shape = shape});
        check(ConvTranspose2dCase{.name = "large", .shape = shape});
      }
      check(LayerNormCase{.name = "large", .rows = 333, .columns = 201});
      check(InstanceNormCase{.name = "large", .channels = 7, .positions = 5003});
      check(AttentionCase{
          .name = "large", .offsets = {0, 197}, .heads = 3, .head_width = 64, .keep = false});
      check(ActivationCase{
          .name = "large", .count = 50003, .activation = kernels::Activation::kGelu});
      check(ActivationCase{
          .name = "large", .count = 50003, .activation = kernels::Activation::kSigmoid});
      check(SoftmaxCase{.name = "large", .outer = 197, .length = 197});
      check(KernelSvddCase{.name = "large", .positions = 77, .width = 50, .supports = 40});
      check(SelfAssemblyPaperCase{.name = "large",
                                  .input = {.channels = 37, .height = 15, .width = 16}});
    }
  }

  TEST_CASE("every operation on a batch of images has cases that take images apart") {
    // Those that are missing here give one number for all images, or copy without arithmetic.
    CHECK_FALSE(image_cases<LinearCase>().empty());
    CHECK_FALSE(image_cases<LinearByPositionCase>().empty());
    CHECK_FALSE(image_cases<Conv2dCase>().empty());
    CHECK_FALSE(image_cases<ConvTranspose2dCase>().empty());
    CHECK_FALSE(image_cases<LayerNormCase>().empty());
    CHECK_FALSE(image_cases<InstanceNormCase>().empty());
    CHECK_FALSE(image_cases<BatchNormCase>().empty());
    CHECK_FALSE(image_cases<AttentionCase>().empty());
    CHECK_FALSE(image_cases<BinaryCase>().empty());
  }

  TEST_CASE_TEMPLATE("segments of different lengths", T, float, double) {
    for (const Backend& backend : cpu_backends()) check_all_segments<T>(backend);
  }
}

}  // namespace
}  // namespace ofer::test
