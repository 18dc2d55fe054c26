// Convolutions large enough for Winograd's tiles on the CPU, against the oracle; and which those
// are.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "kernels/cpu/lowering.h"
#include "kernels/cpu/winograd.h"
#include "tests/cases/conv2d.h"
#include "tests/cases/conv_transpose2d.h"
#include "tests/support/check_determinism.h"

namespace ofer::test {
namespace {

using kernels::Activation;
namespace winograd = kernels::cpu::OFER_CPU_VARIANT;

// Too many terms for a list that an executor of CUDA threads walks as well.
// clang-format off
std::vector<Conv2dCase> convolutions() {
  return {
      {.name = "3x3, whole tiles", .seed = 1,
       .shape = {.batch = 2, .in_channels = 32, .out_channels = 32, .height = 24, .width = 32,
                 .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}},
      {.name = "3x3, odd, no padding, no bias", .seed = 2,
       .shape = {.batch = 1, .in_channels = 33, .out_channels = 35, .height = 27, .width = 31,
                 .kernel_h = 3, .kernel_w = 3}, .bias = false},
      {.name = "3x3, relu, padding by axis", .seed = 3,
       .shape = {.batch = 3, .in_channels = 70, .out_channels = 32, .height = 24, .width = 25,
                 .kernel_h = 3, .kernel_w = 3, .pad_h = 2, .pad_w = 0},
       .in_activation = Activation::kRelu},
      {.name = "3x3, padding wider than the kernel", .seed = 4,
       .shape = {.batch = 1, .in_channels = 32, .out_channels = 33, .height = 13, .width = 17,
                 .kernel_h = 3, .kernel_w = 3, .pad_h = 7, .pad_w = 8}},
      {.name = "3x3, one line of tiles", .seed = 5,
       .shape = {.batch = 1, .in_channels = 40, .out_channels = 36, .height = 4, .width = 150,
                 .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}},
      {.name = "3x3, large mean", .seed = 6,
       .shape = {.batch = 1, .in_channels = 32, .out_channels = 32, .height = 26, .width = 26,
                 .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
       .x = {Distribution::kLargeMean}},
      {.name = "3x3, several bands of tiles", .seed = 7,
       .shape = {.batch = 1, .in_channels = 32, .out_channels = 34, .height = 152, .width = 149,
                 .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}},
      {.name = "3x3, weights in several shares", .seed = 8,
       .shape = {.batch = 1, .in_channels = 1100, .out_channels = 270, .height = 24, .width = 24,
                 .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1}, .bias = false},
      {.name = "2x2", .seed = 9,
       .shape = {.batch = 2, .in_channels = 34, .out_channels = 32, .height = 31, .width = 36,
                 .kernel_h = 2, .kernel_w = 2, .pad_h = 1, .pad_w = 0}},
      {.name = "4x4 stride 2 dilation 2, leaky", .seed = 10,
       .shape = {.batch = 2, .in_channels = 32, .out_channels = 36, .height = 50, .width = 48,
                 .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .pad_h = 3,
                 .pad_w = 3, .dilation_h = 2, .dilation_w = 2},
       .in_activation = Activation::kLeakyRelu, .in_slope = 0.2},
      {.name = "4x4", .seed = 11,
       .shape = {.batch = 1, .in_channels = 65, .out_channels = 67, .height = 24, .width = 25,
                 .kernel_h = 4, .kernel_w = 4, .pad_h = 2, .pad_w = 1}},
  };
}
std::vector<ConvTranspose2dCase> transposed() {
  return {
      {.name = "3x3, relu", .seed = 1,
       .shape = {.batch = 2, .in_channels = 36, .out_channels = 33, .height = 23, .width = 29,
                 .kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
       .in_activation = Activation::kRelu},
      {.name = "3x3, no padding, no bias", .seed = 2,
       .shape = {.batch = 1, .in_channels = 32, .out_channels = 32, .height = 23, .width = 22,
                 .kernel_h = 3, .kernel_w = 3}, .bias = false},
      {.name = "4x4, padding wider than the kernel", .seed = 3,
       .shape = {.batch = 1, .in_channels = 32, .out_channels = 32, .height = 33, .width = 34,
                 .kernel_h = 4, .kernel_w = 4, .pad_h = 5, .pad_w = 6}},
      {.name = "4x4 stride 2, relu", .seed = 4,
       .shape = {.batch = 3, .in_channels = 32, .out_channels = 9, .height = 27, .width = 33,
                 .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .pad_h = 1,
                 .pad_w = 1}, .in_activation = Activation::kRelu},
      {.name = "4x4 stride 2, output padding", .seed = 5,
       .shape = {.batch = 1, .in_channels = 40, .out_channels = 32, .height = 26, .width = 28,
                 .kernel_h = 4, .kernel_w = 4, .stride_h = 2, .stride_w = 2, .pad_h = 2,
                 .pad_w = 0, .output_padding = 1}},
      {.name = "6x6 stride 2, padding by axis", .seed = 6,
       .shape = {.batch = 1, .in_channels = 32, .out_channels = 10, .height = 22, .width = 24,
                 .kernel_h = 6, .kernel_w = 6, .stride_h = 2, .stride_w = 2, .pad_h = 7,
                 .pad_w = 0}},
      {.name = "8x8 stride 2", .seed = 7,
       .shape = {.batch = 1, .in_channels = 33, .out_channels = 8, .height = 18, .width = 19,
                 .kernel_h = 8, .kernel_w = 8, .stride_h = 2, .stride_w = 2, .pad_h = 3,
                 .pad_w = 3}},
  };
}
// clang-format on

// What convolve() in conv_products.h asks about: the part of the input that it reads.
template <class Case>
bool chosen(const Case& test, bool is_transposed) {
  kernels::ConvGeometry g = test.shape.geometry(is_transposed);
  Index phase_h = 0, phase_w = 0;
  if (!is_transposed && winograd::reads_one_phase(g))
    g = winograd::phase_geometry(g, phase_h, phase_w);
  winograd::Correlations correlations{};
  return winograd::as_correlations(g, is_transposed, correlations);
}

// How much further than a plain sum an output can be off, by how far the matrices of 7 - r outputs
// spread what was rounded: the largest over the outputs i and k of
//   sqrt(sum over j of A[i][j]^2 |row j of G|^2 |row j of B|^2 / r), once for each axis.
double amplification(Index taps) {
  return taps == 2 ? 11.9 : (taps == 3 ? 8.8 : 7.2);
}

// The largest noise within a tile's reach, for every element of maps [planes, height, width]: a
// tile is rounded as a whole, also for its outputs at the edge of the map, which are sums of
// little.
std::vector<double> noise_of_tiles(const std::vector<Measured>& maps, Index height, Index width,
                                   Index reach) {
  std::vector<double> lines(maps.size()), result(maps.size());
  const auto spread = [&](auto value, std::vector<double>& to, Index step, Index count) {
    const auto size = static_cast<Index>(maps.size());
    for (Index i = 0; i < size; ++i) {
      const Index place = i / step % count;
      const Index begin = std::max<Index>(0, place - reach),
                  end = std::min(count, place + reach + 1);
      for (Index j = begin; j < end; ++j)
        to[static_cast<std::size_t>(i)] =
            std::max(to[static_cast<std::size_t>(i)], value(i + (j - place) * step));
    }
  };
  spread([&](Index i) { return maps[static_cast<std::size_t>(i)].noise; }, lines, 1, width);
  spread([&](Index i) { return lines[static_cast<std::size_t>(i)]; }, result, width, height);
  return result;
}

template <class Case>
void check(const std::vector<Case>& cases, bool is_transposed) {
  for (const Case& test : cases) {
    CAPTURE(test.name);
    CHECK(chosen(test, is_transposed));
    const kernels::ConvGeometry g = test.shape.geometry(is_transposed);
    const Index stride = is_transposed ? g.stride_h : 1, taps = g.kernel_h / stride;
    Buffers<Measured> oracle(test.seed);
    Case::reference(test.bind(oracle));
    const std::vector<Measured> expected = oracle.read(*oracle.find("y"));
    const std::vector<double> noise =
        noise_of_tiles(expected, g.out_height, g.out_width, 5 * stride);
    std::vector<double> value(expected.size()), allowed(expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      value[i] = expected[i].value;
      allowed[i] = amplification(taps) * allowed_error(noise[i], unit_roundoff<float>(), 0);
    }
    CHECK(root_mean_square(allowed) < 0.01 * root_mean_square(value));
    for (const Backend& backend : cpu_backends()) {
      const auto stream = backend.make_stream(3);
      Buffers<float> buffers(test.seed, *backend.memory, nullptr, misaligned(test.seed));
      if (!run_case<float>(backend, test, buffers, *stream)) continue;
      const std::vector<float> got = buffers.read(*buffers.find("y"));
      CHECK_MESSAGE(compare("y", got, value, allowed) == "", backend.name);
      const Distance d = distance(buffers.read_numbers(*buffers.find("y")), expected);
      CHECK_MESSAGE(too_far("y", d, float_tolerance(d.longest), 0, false) == "", backend.name);
      check_threads<float>(backend, test, nullptr);
    }
  }
}

TEST_SUITE("winograd") {
  TEST_CASE("convolutions") {
    check(convolutions(), false);
  }
  TEST_CASE("transposed convolutions") {
    check(transposed(), true);
  }

  TEST_CASE("an image's bits do not depend on its batch") {
    for (const Backend& backend : cpu_backends()) {
      check_images<float>(backend, convolutions()[2]);
      check_images<float>(backend, transposed()[3]);
    }
  }

  TEST_CASE("what it cannot do, or would not gain by, is not chosen") {
    const ConvShape good = convolutions()[0].shape;
    const auto refused = [&](auto change, bool is_transposed = false) {
      ConvShape shape = good;
      change(shape);
      winograd::Correlations correlations{};
      return !winograd::as_correlations(shape.geometry(is_transposed), is_transposed, correlations);
    };
    CHECK_FALSE(refused([](ConvShape&) {}));
    CHECK_FALSE(refused([](ConvShape&) {}, true));
    CHECK(refused([](ConvShape& s) { s.stride_h = s.stride_w = 2; }));
    CHECK(refused([](ConvShape& s) { s.stride_h = s.stride_w = 2; }, true));  // 3 taps, 2 phases
    CHECK(
        refused([](ConvShape& s) { s.kernel_h = s.stride_h = s.kernel_w = s.stride_w = 3; }, true));
    CHECK(refused([](ConvShape& s) { s.dilation_w = 2; }));
    CHECK(refused([](ConvShape& s) { s.kernel_h = 2; }));
    CHECK(refused([](ConvShape& s) { s.kernel_h = s.kernel_w = 1; }));
    CHECK(refused([](ConvShape& s) { s.kernel_h = s.kernel_w = 5; }));
    CHECK(refused([](ConvShape& s) { s.in_channels = 3; }));
    CHECK(refused([](ConvShape& s) { s.out_channels = 3; }));
    CHECK(refused([](ConvShape& s) { s.height = s.width = 7; }));
  }
}

}  // namespace
}  // namespace ofer::test
