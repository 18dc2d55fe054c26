// Operations of floats on a CPU whose products round their operands: they are held, as strictly as
// in fp32, to the results of inputs that were rounded before.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/cases/conv2d.h"
#include "tests/cases/conv_transpose2d.h"
#include "tests/cases/linear.h"
#include "tests/cases/linear_by_position.h"
#include "tests/support/bf16_products.h"
#include "tests/support/check_backward.h"
#include "tests/support/check_determinism.h"

namespace ofer::test {
namespace {

using kernels::Activation;

Values rounded(Values values) {
  for (const char* operand : {"x", "weight", "dy"})
    if (values.reals.count(operand))
      for (double& v : values.reals.at(operand)) v = rounded_to_bf16(v);
  return values;
}

// Are the results of the same call on a stream that rounds nothing other ones?
template <class Case>
void check_rounds(const Backend& backend, const Case& test, const Values* values,
                  Buffers<float>& got, const std::vector<std::string>& results) {
  Buffers<float> exact(test.seed, *backend.memory, values, misaligned(test.seed));
  const auto stream = backend.make_stream(1);
  stream->set_bf16(false);
  if (!run_case<float>(backend, test, exact, *stream)) return;
  for (const std::string& name : results)
    if (got.read_bytes(*got.find(name)) == exact.read_bytes(*exact.find(name)))
      FAIL_CHECK(message(label(test, backend.name, 4), ": ", name, " was computed in fp32"));
}

template <class Case>
void check_products(const Case& test) {
  for (const Backend& backend : cpu_bf16_backends()) {
    Buffers<float> got(test.seed, *backend.memory, nullptr, misaligned(test.seed));
    const auto args = test.bind(got);
    const Values inputs = got.values(), narrow = rounded(inputs);
    const auto stream = backend.make_stream(2);
    if (!run_bound<float, Case>(backend, test, args, got, *stream)) continue;
    Buffers<Measured> expected(test.seed, host_memory(), &narrow);
    Case::reference(test.bind(expected));
    compare_with_oracle(test, backend.name, got, expected);
    check_rounds(backend, test, &inputs, got, {"y"});
    check_threads<float>(backend, test, nullptr);
    if (test.images()) check_images<float>(backend, test);
  }
}

// The gradients of x and weight against the double ones of rounded inputs; that of the bias, a sum
// of dy, against the one of dy as it is.
template <class Case>
void check_gradients(const Case& test) {
  const Backend reference = cpu_backends().front();
  const auto reference_stream = reference.make_stream(1);
  const Values drawn = rounded_to_float(forward_values(test)), narrow = rounded(drawn);
  Buffers<double> exact(test.seed, host_memory(), &drawn),
      expected(test.seed, host_memory(), &narrow);
  REQUIRE(run_case<double>(reference, test, exact, *reference_stream));
  REQUIRE(run_case<double>(reference, test, expected, *reference_stream));
  const double tolerance = float_tolerance(static_cast<double>(test.reduction()));
  for (const Backend& backend : cpu_bf16_backends()) {
    Buffers<float> got(test.seed, *backend.memory, &drawn, misaligned(test.seed));
    const auto stream = backend.make_stream(2);
    if (!run_case<float>(backend, test, got, *stream)) continue;
    for (auto& entry : got.entries()) {
      if (!entry->written()) continue;
      Buffers<double>& from = entry->name == "dbias" ? exact : expected;
      const Distance d = distance(got.read_numbers(*entry), from.read(*from.find(entry->name)));
      const std::string far = too_far(entry->name, d, tolerance, unit_roundoff<float>(), false);
      if (!far.empty()) FAIL_CHECK(message(label(test, backend.name, 4), ": ", far));
    }
    check_rounds(backend, test, &drawn, got, {"dx", "dweight"});
    check_threads<float>(backend, test, &drawn);
  }
}

// Sizes with which every product of the operation pays.
constexpr ConvShape kConvShape = {.batch = 2,
                                  .in_channels = 30,
                                  .out_channels = 96,
                                  .height = 12,
                                  .width = 14,
                                  .kernel_h = 3,
                                  .kernel_w = 3,
                                  .pad_h = 1,
                                  .pad_w = 1};
constexpr ConvShape kTransposedShape = {.batch = 2,
                                        .in_channels = 96,
                                        .out_channels = 20,
                                        .height = 7,
                                        .width = 9,
                                        .kernel_h = 4,
                                        .kernel_w = 4,
                                        .stride_h = 2,
                                        .stride_w = 2,
                                        .pad_h = 1,
                                        .pad_w = 1};

TEST_SUITE("operations_bf16") {
  TEST_CASE("linear") {
    if (skipped_for_no_bf16()) return;
    const std::vector<LinearCase> cases = {
        {.name = "one product", .seed = 1, .rows = 70, .in = 96, .out = 210},
        {.name = "gelu residual",
         .seed = 2,
         .rows = 70,
         .in = 96,
         .out = 210,
         .residual = true,
         .pre = true,
         .activation = Activation::kGelu},
        {.name = "groups in place",
         .seed = 3,
         .rows = 120,
         .in = 128,
         .out = 200,
         .in_place = true,
         .group_rows = 40},
        {.name = "segments",
         .seed = 4,
         .rows = 133,
         .in = 100,
         .out = 260,
         .in_place = true,
         .offsets = {0, 40, 40, 100, 133}},
        {.name = "blocks of rows", .seed = 5, .rows = 600, .in = 64, .out = 60, .bias = false},
        {.name = "long sum", .seed = 6, .rows = 35, .in = 1300, .out = 45},
    };
    for (const LinearCase& test : cases) check_products(test);
    check_gradients(
        LinearBackwardCase{.name = "both", .seed = 7, .rows = 90, .in = 210, .out = 70});
    check_gradients(LinearByPositionBackwardCase{
        .name = "both", .seed = 8, .batch = 40, .positions = 2, .in = 96, .out = 130});
  }

  TEST_CASE("convolutions") {
    if (skipped_for_no_bf16()) return;
    ConvShape strided = kConvShape;
    strided.height = 21;
    strided.width = 20;
    strided.stride_h = strided.stride_w = 2;
    const ConvShape pointwise = {
        .batch = 2, .in_channels = 120, .out_channels = 128, .height = 9, .width = 9};
    check_products(Conv2dCase{.name = "3x3", .seed = 1, .shape = kConvShape});
    check_products(Conv2dCase{.name = "3x3 stride 2, relu",
                              .seed = 2,
                              .shape = strided,
                              .bias = false,
                              .in_activation = Activation::kRelu});
    check_products(Conv2dCase{.name = "1x1", .seed = 3, .shape = pointwise});
    check_products(
        ConvTranspose2dCase{.name = "4x4 stride 2", .seed = 4, .shape = kTransposedShape});
    check_gradients(Conv2dBackwardCase{.name = "3x3", .seed = 5, .shape = kConvShape});
    check_gradients(
        ConvTranspose2dBackwardCase{.name = "4x4 stride 2", .seed = 6, .shape = kTransposedShape});
  }
}

}  // namespace
}  // namespace ofer::test
