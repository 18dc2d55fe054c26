// Variations of faces against their definition, in double and pixel by pixel.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/image_resize.h"
#include "ofer/data/augment.h"
#include "tests/support/error_of.h"
#include "tests/support/random.h"

namespace {

using ofer::Augmentation;
using ofer::augmented;
using ofer::AugmentOptions;
using ofer::Border;
using ofer::Image;
using ofer::RandomPurpose;
using ofer::SeededNumbers;
using ofer::test::error_of;
using ofer::test::has;

Image noise(int width, int height, std::uint64_t seed = 1) {
  ofer::test::Random random(seed);
  Image image(width, height);
  for (std::uint8_t& value : image.pixels) value = static_cast<std::uint8_t>(random.below(256));
  return image;
}

// Smooth, so that a place that is off by little changes a value by little.
Image waves(int width, int height) {
  Image image(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c)
        image.at(x, y)[c] =
            static_cast<std::uint8_t>(128 + 100 * std::sin(0.3 * x + 0.2 * y * (c + 1) + c));
  return image;
}

double pixel_or(const Image& image, int x, int y, int c, Border border) {
  if (x < 0 || y < 0 || x >= image.width || y >= image.height) {
    if (border == Border::kZero) return 0;
    x = std::clamp(x, 0, image.width - 1);
    y = std::clamp(y, 0, image.height - 1);
  }
  return image.at(x, y)[c];
}

double bilinear(const Image& image, double u, double v, int c, Border border) {
  const double x = u - 0.5, y = v - 0.5, fx = x - std::floor(x), fy = y - std::floor(y);
  const int x0 = static_cast<int>(std::floor(x)), y0 = static_cast<int>(std::floor(y));
  return (pixel_or(image, x0, y0, c, border) * (1 - fx) +
          pixel_or(image, x0 + 1, y0, c, border) * fx) *
             (1 - fy) +
         (pixel_or(image, x0, y0 + 1, c, border) * (1 - fx) +
          pixel_or(image, x0 + 1, y0 + 1, c, border) * fx) *
             fy;
}

// Where the middle of pixel (x, y) of the result comes from, step by step.
std::pair<double, double> source_of(const Image& face, const Augmentation& a, int side, double x,
                                    double y) {
  x -= a.shift_x, y -= a.shift_y;
  double u = (a.left + a.width * x / side) * face.width;
  double v = (a.top + a.height * y / side) * face.height;
  const double dx = u - face.width / 2.0, dy = v - face.height / 2.0;
  // The face turns clockwise on the screen, so its pixels come from the other way round.
  u = face.width / 2.0 + dx * std::cos(a.angle) + dy * std::sin(a.angle);
  v = face.height / 2.0 - dx * std::sin(a.angle) + dy * std::cos(a.angle);
  if (a.flipped) u = face.width - u;
  return {u, v};
}

void check_moved(const Image& face, const Augmentation& a, int side, double allowed) {
  const Image result = augmented(face, a, side);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      for (int c = 0; c < 3; ++c) {
        const auto [u, v] = source_of(face, a, side, x + 0.5, y + 0.5);
        REQUIRE(std::fabs(result.at(x, y)[c] - bilinear(face, u, v, c, a.border)) <= allowed);
      }
}

}  // namespace

TEST_SUITE("augment") {
  TEST_CASE("nothing drawn changes nothing") {
    const Image face = noise(32, 32);
    CHECK(augmented(face, {}, 32) == face);
    SeededNumbers numbers(4);
    const Augmentation none = ofer::draw_augmentation({}, 32, numbers);
    CHECK(augmented(face, none, 32) == face);
  }

  TEST_CASE("flips and whole shifts are exact") {
    const Image face = noise(17, 17);
    for (bool flipped : {false, true})
      for (Border border : {Border::kZero, Border::kEdge})
        for (const auto& [dx, dy] : {std::pair{0, 0}, {3, -2}, {-17, 5}, {40, 0}}) {
          Augmentation a;
          a.flipped = flipped;
          a.border = border;
          a.shift_x = static_cast<float>(dx);
          a.shift_y = static_cast<float>(dy);
          const Image result = augmented(face, a, 17);
          for (int y = 0; y < 17; ++y)
            for (int x = 0; x < 17; ++x)
              for (int c = 0; c < 3; ++c) {
                const int sx = x - dx;
                REQUIRE(result.at(x, y)[c] ==
                        pixel_or(face, flipped ? 16 - sx : sx, y - dy, c, border));
              }
        }
  }

  TEST_CASE("turns, parts and sizes as the formulas say") {
    // Rounding to a level takes half of one; float coordinates up to 100 are off by 1e-5, which
    // noise makes 255 times as much.
    const double allowed = 0.5 + 0.02;
    for (Border border : {Border::kZero, Border::kEdge})
      for (int i = 0; i < 12; ++i) {
        CAPTURE(i);
        ofer::test::Random random(static_cast<std::uint64_t>(i));
        Augmentation a;
        a.border = border;
        a.flipped = i % 2;
        a.angle = static_cast<float>(random.between(-1, 1));
        a.shift_x = static_cast<float>(random.below(9) - 4);
        a.shift_y = static_cast<float>(random.below(9) - 4);
        a.width = static_cast<float>(random.between(0.4, 1));
        a.height = static_cast<float>(random.between(0.4, 1));
        a.left = static_cast<float>(random.between(0, 1)) * (1 - a.width);
        a.top = static_cast<float>(random.between(0, 1)) * (1 - a.height);
        check_moved(noise(24, 24), a, 24, allowed);
        check_moved(noise(25, 19), a, 24, allowed);
      }
    // A quarter turn, clockwise: the left column becomes the top row.
    Augmentation quarter;
    quarter.angle = std::acos(-1.0f) / 2;
    const Image face = noise(8, 8), turned = augmented(face, quarter, 8);
    for (int i = 0; i < 8; ++i)
      for (int c = 0; c < 3; ++c) CHECK(std::abs(turned.at(7 - i, 0)[c] - face.at(0, i)[c]) <= 1);
  }

  TEST_CASE("a reduction averages instead of skipping") {
    // By a whole factor: the mean of the pixels under each one of the result.
    for (int factor : {2, 3, 4}) {
      const Image face = noise(12 * factor, 12 * factor), small = augmented(face, {}, 12);
      for (int y = 0; y < 12; ++y)
        for (int x = 0; x < 12; ++x)
          for (int c = 0; c < 3; ++c) {
            double sum = 0;
            for (int j = 0; j < factor; ++j)
              for (int i = 0; i < factor; ++i) sum += face.at(x * factor + i, y * factor + j)[c];
            REQUIRE(std::fabs(small.at(x, y)[c] - sum / (factor * factor)) <= 0.51);
          }
    }
    // By any other: stripes of one pixel come out near their mean.
    Image stripes(64, 64);
    for (int y = 0; y < 64; ++y)
      for (int x = 0; x < 64; x += 2) std::fill_n(stripes.at(x, y), 3, std::uint8_t{200});
    for (std::uint8_t value : augmented(stripes, {}, 9).pixels) CHECK(std::abs(value - 100) <= 30);
  }

  TEST_CASE("light, colour, sharpness, erasing") {
    const Image face = noise(20, 20);
    const auto luma = [](const std::uint8_t* p) {
      return std::floor((299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000.0);
    };
    Augmentation light;
    light.brightness = 1.3f;
    light.contrast = 0.7f;
    double mean = 0;
    for (std::size_t i = 0; i < 400; ++i) mean += 1.3f * luma(&face.pixels[3 * i]) / 400;
    const Image lit = augmented(face, light, 20);
    for (std::size_t i = 0; i < face.pixels.size(); ++i) {
      const double value =
          std::clamp(0.7f * (1.3f * double{face.pixels[i] * 1.0} - mean) + mean, 0.0, 255.0);
      REQUIRE(std::fabs(lit.pixels[i] - value) <= 0.5001);
    }

    Augmentation grey;
    grey.grey = true;
    const Image plain = augmented(face, grey, 20);
    for (std::size_t i = 0; i < 400; ++i)
      for (std::size_t c = 0; c < 3; ++c)
        REQUIRE(plain.pixels[3 * i + c] == luma(&face.pixels[3 * i]));

    Augmentation soft;
    soft.reduction = 2.5f;
    CHECK(augmented(face, soft, 20) == ofer::resize_image(ofer::resize_image(face, 8, 8), 20, 20));

    Augmentation erased;
    erased.erase_x = 3, erased.erase_y = 18, erased.erase_width = 5, erased.erase_height = 2;
    erased.erased = {1, 2, 3};
    const Image holed = augmented(face, erased, 20);
    for (int y = 0; y < 20; ++y)
      for (int x = 0; x < 20; ++x) {
        const bool inside = x >= 3 && x < 8 && y >= 18;
        for (int c = 0; c < 3; ++c)
          REQUIRE(holed.at(x, y)[c] == (inside ? c + 1 : face.at(x, y)[c]));
      }
  }

  TEST_CASE("what is drawn keeps to its probabilities and bounds") {
    AugmentOptions options;
    options.flip = 0.5;
    options.rotate_crop = 0.2;
    options.resized_crop = 0.7;
    options.jitter = 0.4;
    options.grey = 0.3;
    options.blur = 0.1;
    options.erase = 0.6;
    ofer::check(options);
    constexpr int kDraws = 4000, kSide = 112;
    int flips = 0, turns = 0, crops = 0, lights = 0, greys = 0, blurs = 0, erasings = 0;
    float widest = 0, farthest = 0;
    for (int i = 0; i < kDraws; ++i) {
      SeededNumbers numbers =
          ofer::numbers_for(1, 0, static_cast<std::uint64_t>(i), RandomPurpose::kAugment);
      const Augmentation a = ofer::draw_augmentation(options, kSide, numbers);
      flips += a.flipped;
      turns += a.angle != 0;
      if (a.angle == 0) CHECK((a.shift_x == 0 && a.shift_y == 0));
      widest = std::max(widest, std::fabs(a.angle));
      farthest = std::max({farthest, std::fabs(a.shift_x), std::fabs(a.shift_y)});
      crops += a.width != 1;
      REQUIRE(a.left >= 0);
      REQUIRE(a.left + a.width <= 1.0001f);
      REQUIRE(a.top + a.height <= 1.0001f);
      REQUIRE(a.width * a.height >= 0.2f * 0.999f);
      if (a.width != 1) {
        const float tall = a.height / a.width;
        REQUIRE((tall > 0.749f && tall < 1.334f));
      }
      lights += a.brightness != 1;
      REQUIRE((a.brightness >= 0.8f && a.brightness <= 1.2f));
      greys += a.grey;
      blurs += a.reduction != 1;
      REQUIRE((a.reduction >= 1 && a.reduction <= 3));
      if (a.erase_width > 0) {
        ++erasings;
        const double area = static_cast<double>(a.erase_width * a.erase_height) / (kSide * kSide);
        REQUIRE((area > 0.018 && area < 0.255));  // whole pixels
        REQUIRE((a.erase_x >= 0 && a.erase_x + a.erase_width <= kSide));
        REQUIRE((a.erase_y >= 0 && a.erase_y + a.erase_height <= kSide));
      }
    }
    const auto near = [&](int count, double p) {
      CHECK(std::fabs(count - p * kDraws) < 5 * std::sqrt(p * (1 - p) * kDraws));
    };
    near(flips, 0.5);
    near(turns, 0.2);
    near(crops, 0.7);
    near(lights, 0.4);
    near(greys, 0.3);
    near(blurs, 0.1);
    near(erasings, 0.6);
    CHECK(widest <= 20 * 3.14160f / 180);
    CHECK(widest > 19 * 3.14159f / 180);
    CHECK(farthest == 16);  // a seventh of 112
  }

  TEST_CASE("a place draws the same face every time, another place another") {
    const Image face = waves(40, 40);
    AugmentOptions options = ofer::recogniser_augmentation();
    options.resized_crop = 1;
    options.jitter = 1;
    options.blur = 0.5;
    const auto draw = [&](std::uint64_t epoch, std::uint64_t sample) {
      SeededNumbers numbers = ofer::numbers_for(5, epoch, sample, RandomPurpose::kAugment);
      return augmented(face, ofer::draw_augmentation(options, 32, numbers), 32);
    };
    std::vector<Image> forward, backward;
    for (std::uint64_t i = 0; i < 20; ++i) forward.push_back(draw(2, i));
    for (std::uint64_t i = 20; i-- > 0;) backward.insert(backward.begin(), draw(2, i));
    CHECK(forward == backward);
    for (std::size_t i = 1; i < 20; ++i) CHECK(!(forward[i] == forward[0]));
    CHECK(!(draw(3, 0) == forward[0]));
  }

  TEST_CASE("any size, and refusals") {
    AugmentOptions all = ofer::recogniser_augmentation();
    all.rotate_crop = all.resized_crop = all.jitter = all.grey = all.blur = all.erase = 1;
    for (const auto& [w, h, side] : {std::tuple{1, 1, 1}, {1, 50, 7}, {300, 2, 5}, {3, 3, 60}})
      for (std::uint64_t seed = 0; seed < 20; ++seed) {
        SeededNumbers numbers(seed);
        const Image image =
            augmented(noise(w, h), ofer::draw_augmentation(all, side, numbers), side);
        CHECK((image.width == side && image.height == side));
      }
    CHECK_THROWS_AS(augmented(Image(), {}, 4), ofer::Error);
    CHECK_THROWS_AS(augmented(noise(2, 2), {}, 0), ofer::Error);
    const auto error = [](auto change) {
      AugmentOptions options;
      change(options);
      return error_of([&] { ofer::check(options); });
    };
    CHECK(has(error([](auto& o) { o.flip = 1.1; }), "flip has the probability 1.1"));
    CHECK(has(error([](auto& o) { o.erase = std::nan(""); }), "erase"));
    CHECK(has(error([](auto& o) { o.rotation = -1; }), "degrees"));
    CHECK(has(error([](auto& o) { o.crop_padding = 2; }), "padding"));
    CHECK(has(error([](auto& o) { o.min_area = 0; }), "min_area"));
    CHECK(has(error([](auto& o) { o.brightness = 1.5f; }), "brightness"));
    CHECK(has(error([](auto& o) { o.max_reduction = 0.5f; }), "reduction"));
    CHECK(has(error([](auto& o) { o.max_erased = 0.01f; }), "erasing"));
    CHECK(error([](auto&) {}).empty());
  }
}
