// Cases of image_planes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tests/support/case.h"

namespace ofer::test {

struct ImagePlanesCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index height = 1, width = 1, out_height = 1, out_width = 1;
  bool floats = false;  // with an odd seed, for their alignment
  Index channels = 3;   // interleaved, and 1 grey; negative: planes, one behind the other
  bool bgr = false;
  bool bottom_up = false;  // the bottom row comes first
  Index padding = 0;       // bytes between rows
  enum class Content : std::uint8_t { kNoise, kWhite, kBlack, kBeyond, kWild };
  Content content = Content::kNoise;

  OFER_FORWARD_CASE(image_planes)

  Index value_size() const { return floats ? 4 : 1; }
  Index pixel_step() const { return (channels > 0 ? channels : 1) * value_size(); }
  Index row_size() const { return width * pixel_step() + padding; }
  Index plane_size() const { return height * row_size() - padding; }  // ends with its last pixel
  std::vector<std::uint8_t> picture() const {
    const Index count = channels > 0 ? plane_size() : -channels * plane_size();
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count));
    Random random(seed);
    if (!floats) {
      for (std::uint8_t& byte : bytes)
        byte = static_cast<std::uint8_t>(content == Content::kWhite   ? 255
                                         : content == Content::kBlack ? 0
                                                                      : random.below(256));
      return bytes;
    }
    for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4) {
      const float value = float_value(random);
      std::memcpy(bytes.data() + at, &value, sizeof(value));
    }
    return bytes;
  }
  template <class T>
  kernels::ImagePlanesArgs<T> bind(Buffers<T>& b) const {
    const std::uint8_t* top = b.bytes("picture", picture());
    if (bottom_up) top += (height - 1) * row_size();
    const Index next = channels == 1 ? 0 : channels > 0 ? value_size() : plane_size();
    return {.red = top + (bgr ? 2 * next : 0),
            .green = top + next,
            .blue = top + (bgr ? 0 : 2 * next),
            .pixel_step = pixel_step(),
            .row_step = bottom_up ? -row_size() : row_size(),
            .type = floats ? kernels::PixelType::kF32 : kernels::PixelType::kU8,
            .y = b.output("y", 3 * out_height * out_width),
            .height = height,
            .width = width,
            .out_height = out_height,
            .out_width = out_width};
  }
  // A product and a sum for each input under an output's weights, which are those of 2 s inputs.
  double flops() const {
    const auto taps = [](Index in, Index out) {
      return 2 * std::max(1.0, static_cast<double>(in) / std::max(1.0, static_cast<double>(out)));
    };
    return 6.0 * static_cast<double>(out_height * out_width) * taps(height, out_height) *
           taps(width, out_width);
  }

  // clang-format off
  static std::vector<ImagePlanesCase> list() {
    return {
        {.name = "one pixel", .seed = 1},
        {.name = "no output", .seed = 2, .height = 3, .width = 4, .out_height = 0, .out_width = 7},
        {.name = "same size", .seed = 3, .height = 5, .width = 9, .out_height = 5, .out_width = 9},
        {.name = "larger", .seed = 4, .height = 7, .width = 11, .out_height = 17, .out_width = 24},
        {.name = "larger by 8/7", .seed = 5, .height = 21, .width = 28, .out_height = 24,
         .out_width = 32},
        {.name = "smaller by 7/8", .seed = 6, .height = 24, .width = 32, .out_height = 21,
         .out_width = 28},
        {.name = "half", .seed = 7, .height = 16, .width = 12, .out_height = 8, .out_width = 6},
        {.name = "much smaller, odd", .seed = 8, .height = 61, .width = 43, .out_height = 9,
         .out_width = 5},
        {.name = "one axis grows, the other shrinks", .seed = 9, .height = 8, .width = 21,
         .out_height = 19, .out_width = 6},
        {.name = "from one pixel", .seed = 10, .out_height = 5, .out_width = 6},
        {.name = "to one pixel", .seed = 11, .height = 6, .width = 9},
        {.name = "one long row", .seed = 12, .height = 1, .width = 5000, .out_height = 2,
         .out_width = 2},
        {.name = "one long column", .seed = 13, .height = 3001, .width = 1, .out_height = 3,
         .out_width = 1},
        {.name = "grey", .seed = 14, .height = 13, .width = 9, .out_height = 8, .out_width = 8,
         .channels = 1},
        {.name = "planes", .seed = 15, .height = 13, .width = 9, .out_height = 8, .out_width = 8,
         .channels = -3},
        {.name = "four channels, blue first", .seed = 16, .height = 13, .width = 9,
         .out_height = 8, .out_width = 8, .channels = 4, .bgr = true},
        {.name = "padded rows", .seed = 17, .height = 13, .width = 9, .out_height = 8,
         .out_width = 8, .padding = 5},
        {.name = "the bottom row first, padded", .seed = 18, .height = 13, .width = 9,
         .out_height = 8, .out_width = 8, .bottom_up = true, .padding = 1},
        {.name = "the bottom row first, planes", .seed = 20, .height = 13, .width = 9,
         .out_height = 8, .out_width = 8, .channels = -3, .bottom_up = true},
        {.name = "white", .seed = 22, .height = 50, .width = 37, .out_height = 14,
         .out_width = 16, .content = Content::kWhite},
        {.name = "black", .seed = 24, .height = 10, .width = 7, .out_height = 14,
         .out_width = 16, .content = Content::kBlack},
        {.name = "floats", .seed = 19, .height = 13, .width = 9, .out_height = 8, .out_width = 8,
         .floats = true},
        {.name = "floats, larger, planes, blue first", .seed = 21, .height = 9, .width = 7,
         .out_height = 14, .out_width = 15, .floats = true, .channels = -3, .bgr = true},
        {.name = "floats, the bottom row first, padded, grey", .seed = 23, .height = 9,
         .width = 7, .out_height = 14, .out_width = 5, .floats = true, .channels = 1,
         .bottom_up = true, .padding = 12},
        {.name = "floats, white", .seed = 25, .height = 11, .width = 17, .out_height = 9,
         .out_width = 24, .floats = true, .content = Content::kWhite},
        {.name = "floats outside of 0 to 1", .seed = 27, .height = 12, .width = 13,
         .out_height = 16, .out_width = 13, .floats = true, .content = Content::kBeyond},
        {.name = "floats that are no finite numbers", .seed = 29, .height = 20, .width = 24,
         .out_height = 26, .out_width = 17, .floats = true, .content = Content::kWild},
    };
  }
  static std::vector<ImagePlanesCase> benchmarks() {
    return {{.name = "640 x 480 to 224", .height = 480, .width = 640, .out_height = 224,
             .out_width = 224},
            {.name = "4000 x 3000 to 224", .height = 3000, .width = 4000, .out_height = 224,
             .out_width = 224},
            {.name = "128 to 256, floats", .height = 128, .width = 128, .out_height = 256,
             .out_width = 256, .floats = true, .channels = -3}};
  }
  // clang-format on

 private:
  float float_value(Random& random) const {
    switch (content) {
      case Content::kWhite:
        return 1;
      case Content::kBlack:
        return 0;
      case Content::kBeyond:
        return static_cast<float>(random.between(-3, 4));
      case Content::kWild: {
        const float choices[] = {NAN, HUGE_VALF, -HUGE_VALF};
        const std::int64_t choice = random.below(120);
        if (choice < 3) return choices[choice];
        break;
      }
      case Content::kNoise:
        break;
    }
    return static_cast<float>(random.uniform());
  }
};

}  // namespace ofer::test
