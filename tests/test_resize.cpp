// The resize of pictures against Pillow's own results and against its definition.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/image_io.h"
#include "engine/image_resize.h"

namespace {

using ofer::Image;

const std::string kFolder = std::string(OFER_SOURCE_DIR) + "/tests/fixtures/images/";

// The definition, pixel by pixel and in double: a weighted mean over the whole source.
double by_definition(const Image& image, int width, int height, int x, int y, int c) {
  const auto weight = [](int in, int out, int o, int i) {
    const double scale = static_cast<double>(in) / out, support = std::max(scale, 1.0);
    return std::max(1 - std::fabs(i + 0.5 - (o + 0.5) * scale) / support, 0.0);
  };
  double sum = 0, total = 0;
  for (int j = 0; j < image.height; ++j)
    for (int i = 0; i < image.width; ++i) {
      const double w = weight(image.width, width, x, i) * weight(image.height, height, y, j);
      sum += w * image.at(i, j)[c];
      total += w;
    }
  return sum / total / 255;
}

Image noise(int width, int height) {
  Image image(width, height);
  unsigned state = 12345;
  for (auto& value : image.pixels) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<std::uint8_t>(state >> 24);
  }
  return image;
}

}  // namespace

TEST_SUITE("resize") {
  TEST_CASE("within one grey level of Pillow") {
    struct Case {
      const char* source;
      int width, height;
    };
    for (const Case& c : {Case{"a", 32, 32}, Case{"a", 96, 96}, Case{"a", 13, 100},
                          Case{"b", 40, 40}, Case{"b", 64, 64}, Case{"b", 7, 5}, Case{"c", 24, 24},
                          Case{"d", 8, 8}, Case{"e", 24, 24}}) {
      const std::string size = std::to_string(c.width) + "x" + std::to_string(c.height);
      CAPTURE(c.source);
      CAPTURE(size);
      const Image source = ofer::load_image(kFolder + "source_" + c.source + ".png");
      const Image expected =
          ofer::load_image(kFolder + "resized_" + c.source + "_" + size + ".png");
      const Image got = ofer::resize_image(source, c.width, c.height);
      REQUIRE(got.width == expected.width);
      REQUIRE(got.height == expected.height);
      int worst = 0, different = 0;
      for (std::size_t i = 0; i < got.pixels.size(); ++i) {
        const int error = std::abs(int{got.pixels[i]} - int{expected.pixels[i]});
        worst = std::max(worst, error);
        different += error != 0;
      }
      CHECK(worst <= 1);
      // Pillow rounds after each of its two passes, so a few levels differ, but not most.
      CHECK(different <= static_cast<int>(got.pixels.size()) / 4);
    }
  }

  TEST_CASE("equal to the definition, up, down, and both at once") {
    for (const auto& [w, h, width, height] : {std::tuple{11, 7, 5, 3},
                                              {5, 3, 11, 7},
                                              {2, 19, 16, 4},
                                              {1, 1, 3, 2},
                                              {33, 1, 2, 2},
                                              {16, 16, 1, 1},
                                              {7, 9, 7, 9},
                                              {64, 2, 3, 5}}) {
      CAPTURE(w);
      CAPTURE(h);
      const Image image = noise(w, h);
      std::vector<float> planes(3 * static_cast<std::size_t>(width * height) + 1, -7.0f);
      ofer::image_to_planes(image, width, height, planes.data());
      CHECK(planes.back() == -7.0f);  // nothing is written behind the end
      for (int c = 0; c < 3; ++c)
        for (int y = 0; y < height; ++y)
          for (int x = 0; x < width; ++x)
            // Two rounded weights and one rounded row value: 4 float epsilons are enough.
            CHECK(std::fabs(planes[static_cast<std::size_t>((c * height + y) * width + x)] -
                            by_definition(image, width, height, x, y, c)) <= 4 * 1.2e-7);
    }
  }

  TEST_CASE("the same size is exact, and scratch memory does not change a result") {
    ofer::ResizeScratch scratch;
    for (const auto& [w, h] : {std::pair{9, 4}, {30, 50}, {3, 3}}) {
      const Image image = noise(w, h);
      std::vector<float> planes(image.pixels.size()), again(3 * 64);
      ofer::image_to_planes(image, w, h, planes.data(), scratch);
      for (std::size_t i = 0; i < image.pixels.size() / 3; ++i)
        for (std::size_t c = 0; c < 3; ++c)
          REQUIRE(planes[c * (image.pixels.size() / 3) + i] ==
                  static_cast<float>(image.pixels[3 * i + c] / 255.0));
      CHECK(ofer::planes_to_image(planes.data(), w, h) == image);
      std::vector<float> fresh(3 * 64);
      ofer::image_to_planes(image, 8, 8, again.data(), scratch);
      ofer::image_to_planes(image, 8, 8, fresh.data());
      CHECK(again == fresh);
    }
  }

  TEST_CASE("a very long picture keeps its mean") {
    Image image(200'000, 1);
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
      image.pixels[i] = static_cast<std::uint8_t>((i / 3) % 2 ? 100 : 101);
    float planes[3];
    ofer::image_to_planes(image, 1, 1, planes);
    for (float value : planes) CHECK(std::fabs(value - 100.5f / 255) < 1e-6f);
    std::swap(image.width, image.height);
    ofer::image_to_planes(image, 1, 1, planes);
    for (float value : planes) CHECK(std::fabs(value - 100.5f / 255) < 1e-6f);
  }

  TEST_CASE("the filter's rows sum to one and fit the promised number of taps") {
    for (int in : {1, 2, 3, 7, 14, 100, 1023})
      for (int out : {1, 2, 5, 14, 224, 1000}) {
        const ofer::ResizeFilter filter = ofer::resize_filter(in, out);
        CAPTURE(in);
        CAPTURE(out);
        int last = 0, last_end = 0;
        for (int o = 0; o < out; ++o) {
          const auto at = static_cast<std::size_t>(o);
          REQUIRE(filter.count[at] >= 1);
          REQUIRE(filter.count[at] <= filter.taps);
          REQUIRE(filter.first[at] >= last);
          REQUIRE(filter.first[at] + filter.count[at] >= last_end);
          REQUIRE(filter.first[at] + filter.count[at] <= in);
          last = filter.first[at];
          last_end = last + filter.count[at];
          double sum = 0;
          for (int k = 0; k < filter.taps; ++k)
            sum += filter.weights[at * static_cast<std::size_t>(filter.taps) +
                                  static_cast<std::size_t>(k)];
          REQUIRE(std::fabs(sum - 1) < 1e-5);
        }
        CHECK(last_end == in);
      }
  }

  TEST_CASE("planes are clamped and rounded to the nearest level") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float planes[] = {-1.0f, 2.0f, nan,        0.5f / 255, 0.49f / 255, 254.5f / 255,
                            1.0f,  0.0f, 1.5f / 255, -0.0f,      1e30f,       -1e30f};
    const Image image = ofer::planes_to_image(planes, 2, 2);
    const std::vector<std::uint8_t> red{0, 255, 0, 1}, green{0, 255, 255, 0}, blue{2, 0, 255, 0};
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(image.pixels[3 * i] == red[i]);
      CHECK(image.pixels[3 * i + 1] == green[i]);
      CHECK(image.pixels[3 * i + 2] == blue[i]);
    }
  }

  TEST_CASE("sizes that cannot be are refused") {
    float planes[3];
    CHECK_THROWS_AS(ofer::image_to_planes(Image(), 1, 1, planes), ofer::Error);
    CHECK_THROWS_AS(ofer::image_to_planes(noise(2, 2), 0, 1, planes), ofer::Error);
    CHECK_THROWS_AS(ofer::image_to_planes(noise(2, 2), 1, -3, planes), ofer::Error);
    CHECK_THROWS_AS(ofer::resize_image(noise(2, 2), 100'000, 100'000), ofer::Error);
    CHECK_THROWS_AS(ofer::planes_to_image(planes, 0, 1), ofer::Error);
  }
}
