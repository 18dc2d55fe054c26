// Pictures of results, and text.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "tests/support/pictures.h"
#include "tools/colour_ramp.h"
#include "tools/draw.h"
#include "tools/font.h"
#include "tools/pictures.h"
#include "tools/sheet.h"

namespace {

using ofer::Colour;
using ofer::Image;
using ofer::test::colour_at;
using ofer::test::difference;
using ofer::test::worst_difference;

constexpr Colour kWhite{255, 255, 255};

// The smallest rectangle that holds everything that is not white.
struct Ink {
  int left = 1 << 20, top = 1 << 20, right = -1, bottom = -1;
  explicit Ink(const Image& image) {
    for (int y = 0; y < image.height; ++y)
      for (int x = 0; x < image.width; ++x)
        if (difference(colour_at(image, x, y), kWhite) > 40) {
          left = std::min(left, x), right = std::max(right, x);
          top = std::min(top, y), bottom = std::max(bottom, y);
        }
  }
  bool none() const { return right < 0; }
};

double lightness(Colour c) {  // OKLab's L
  const auto linear = [](int v) {
    const double x = v / 255.0;
    return x <= 0.04045 ? x / 12.92 : std::pow((x + 0.055) / 1.055, 2.4);
  };
  const double r = linear(c.red), g = linear(c.green), b = linear(c.blue);
  return 0.2104542553 * std::cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) +
         0.7936177850 * std::cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) -
         0.0040720468 * std::cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
}

}  // namespace

TEST_SUITE("pictures") {
  TEST_CASE("the mask overlay darkens covered patches and leaves the others") {
    const int w = 100, h = 90, rows = 4, columns = 7;  // patches that do not divide the picture
    const Image face(w, h, {220, 190, 170});
    std::vector<std::uint8_t> occluded(rows * columns, 0);
    occluded[1 * columns + 2] = 1;
    occluded[3 * columns + 6] = 7;  // the last patch, at the border
    const Image picture = ofer::draw_mask_overlay(face, rows, columns, occluded.data());
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c) {
        // The middle of the patch, away from grid and outline.
        const int x = (2 * c + 1) * w / (2 * columns), y = (2 * r + 1) * h / (2 * rows);
        const bool covered = occluded[static_cast<std::size_t>(r * columns + c)] != 0;
        const Colour now = colour_at(picture, x, y);
        CAPTURE(r);
        CAPTURE(c);
        CHECK((difference(now, {220, 190, 170}) > 25) == covered);
        if (covered) CHECK(now.blue > now.red);
      }
    std::fill(occluded.begin(), occluded.end(), std::uint8_t{0});
    const Image plain = ofer::draw_mask_overlay(face, rows, columns, occluded.data());
    CHECK(worst_difference(plain, face) <= 40);  // the faint grid only
    CHECK_THROWS_AS(ofer::draw_mask_overlay(Image(), 1, 1, occluded.data()), ofer::Error);
    CHECK_THROWS_AS(ofer::draw_mask_overlay(face, 0, 1, occluded.data()), ofer::Error);
    const Image tiny(2, 2, kWhite);  // more patches than pixels
    CHECK(ofer::draw_mask_overlay(tiny, rows, columns, occluded.data()) == tiny);
  }

  TEST_CASE("the colour ramp's lightness grows in a straight line") {
    for (int i = 0; i <= 100; ++i) {
      const double value = i / 100.0;
      // Half a level of rounding in the dark is 0.004 of lightness.
      CHECK(std::fabs(lightness(ofer::ramp_colour(static_cast<float>(value))) -
                      (0.24 + 0.71 * value)) < 0.005);
    }
    CHECK(ofer::ramp_colour(-3) == ofer::ramp_colour(0));
    CHECK(ofer::ramp_colour(9) == ofer::ramp_colour(1));
    CHECK(ofer::ramp_colour(std::numeric_limits<float>::quiet_NaN()) == ofer::ramp_colour(0));
  }

  TEST_CASE("heat maps are enlarged bilinearly with half-pixel centres") {
    const float map[] = {0, 1, 0.25f, 0.75f};
    const Image picture = ofer::draw_heat_map(map, 2, 2, 40, 20);
    const auto bilinear = [&](int x, int y) {
      const double u = std::clamp((x + 0.5) * 2 / 40 - 0.5, 0.0, 1.0);
      const double v = std::clamp((y + 0.5) * 2 / 20 - 0.5, 0.0, 1.0);
      return (map[0] * (1 - u) + map[1] * u) * (1 - v) + (map[2] * (1 - u) + map[3] * u) * v;
    };
    for (int y = 0; y < 20; ++y)
      for (int x = 0; x < 40; ++x)
        REQUIRE(difference(colour_at(picture, x, y),
                           ofer::ramp_colour(static_cast<float>(bilinear(x, y)))) <= 1);
    const float odd[] = {-1, std::numeric_limits<float>::quiet_NaN(), 2, 0};
    const Image clamped = ofer::draw_heat_map(odd, 2, 2, 2, 2);
    CHECK(colour_at(clamped, 0, 0) == ofer::ramp_colour(0));
    CHECK(colour_at(clamped, 1, 0) == ofer::ramp_colour(0));
    CHECK(colour_at(clamped, 0, 1) == ofer::ramp_colour(1));
    CHECK_THROWS_AS(ofer::draw_heat_map(map, 0, 2, 4, 4), ofer::Error);
    CHECK_THROWS_AS(ofer::draw_heat_map(map, 2, 2, 0, 4), ofer::Error);
  }

  TEST_CASE("the heat overlay shows the map and lets the face through") {
    Image face(60, 60, {60, 60, 60});
    for (int y = 0; y < 60; ++y)
      for (int x = 30; x < 60; ++x) std::fill_n(face.at(x, y), 3, std::uint8_t{200});
    const float map[] = {0, 0, 1, 1};
    const Image picture = ofer::draw_heat_overlay(face, map, 2, 2);
    const Colour low = colour_at(picture, 10, 5), high = colour_at(picture, 10, 55);
    CHECK(low.blue > low.red);    // the ramp's dark blue
    CHECK(high.red > high.blue);  // the ramp's light yellow
    for (int y : {5, 55})
      CHECK(lightness(colour_at(picture, 50, y)) > lightness(colour_at(picture, 10, y)) + 0.02);
  }

  TEST_CASE("every printable character has a shape of its own inside its place") {
    std::vector<Image> shapes;
    for (char c = '!'; c <= '~'; ++c) {
      CAPTURE(c);
      const std::string text(1, c);
      Image image(60, 60, kWhite);
      ofer::draw_text(image, 10, 40, text, 20, {0, 0, 0});
      const Ink ink(image);
      REQUIRE(!ink.none());
      CHECK(ink.left >= 9);
      CHECK(ink.right <= 10 + std::ceil(ofer::text_width(text, 20)));
      CHECK(ink.top >= 40 - 20 * 16.5 / 14 - 1);
      CHECK(ink.bottom <= 40 + 20 * 5.0 / 14 + 1);
      for (const Image& other : shapes) CHECK(worst_difference(image, other) > 100);
      shapes.push_back(std::move(image));
    }
    Image image(60, 60, kWhite);
    ofer::draw_text(image, 10, 40, " ", 20, {0, 0, 0});
    CHECK(Ink(image).none());
    // Other characters: one question mark each, also at the edge and cut off.
    Image umlaut(60, 60, kWhite), question(60, 60, kWhite);
    ofer::draw_text(umlaut, 10, 40, "\xC3\xA4\xE2\x82\xAC", 20, {0, 0, 0});
    ofer::draw_text(question, 10, 40, "??", 20, {0, 0, 0});
    CHECK(umlaut == question);
    ofer::draw_text(umlaut, -30, 2, "outside \xE2", 20, {0, 0, 0});
    ofer::draw_text(umlaut, 50, 70, "outside", 20, {0, 0, 0});
  }

  TEST_CASE("text is fitted and wrapped to a width") {
    const std::string text = "covered patches of the face";
    const float width = ofer::text_width(text, 10);
    CHECK(ofer::fit_text(text, 10, width) == text);
    const std::string shorter = ofer::fit_text(text, 10, width / 2);
    CHECK(shorter.size() < text.size());
    CHECK(shorter.ends_with("..."));
    CHECK(ofer::text_width(shorter, 10) <= width / 2);
    CHECK(ofer::fit_text(text, 10, 1).empty());
    CHECK(ofer::fit_text("a\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4", 10, 26) == "a\xC3\xA4...");

    const auto lines = ofer::wrap_text(text, 10, width * 0.6f, 3);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] + " " + lines[1] == text);
    for (const std::string& line : lines) CHECK(ofer::text_width(line, 10) <= width * 0.6f);
    const auto cut = ofer::wrap_text(text, 10, width * 0.4f, 2);
    REQUIRE(cut.size() == 2);
    CHECK(cut[1].ends_with("..."));
    CHECK(ofer::wrap_text("", 10, 100, 2).empty());
    CHECK(ofer::wrap_text("   ", 10, 100, 2).empty());
  }

  TEST_CASE("a sheet holds its pictures at one height, its captions and its chart") {
    const std::vector<ofer::SheetItem> items{{Image(50, 100, {200, 0, 0}), "tall"},
                                             {Image(300, 150, {0, 160, 0}), "wide"},
                                             {Image(64, 64, {0, 0, 220}), ""}};
    const Image plain = ofer::compose_sheet(items, {}, {100, ofer::ChartPlace::kRight});
    // Widths at height 100: 50 (its caption is narrower), 200, 100; gaps and margins of 14 and 18.
    CHECK(plain.width == 18 + 50 + 14 + 200 + 14 + 100 + 18);
    CHECK(colour_at(plain, 18, 18) == Colour{200, 0, 0});
    CHECK(colour_at(plain, 18 + 49, 18 + 99) == Colour{200, 0, 0});
    CHECK(colour_at(plain, 18 + 50, 18) == kWhite);
    CHECK(colour_at(plain, 18 + 64, 18 + 99) == Colour{0, 160, 0});
    CHECK(colour_at(plain, plain.width - 19, 18) == Colour{0, 0, 220});
    const Ink caption(ofer::crop(plain, 18, 18 + 100, 50, plain.height - 118));
    CHECK(!caption.none());
    CHECK(std::abs(caption.left + caption.right - 49) <= 2);  // in the middle

    const ofer::SheetChart chart{
        {"surprise", "fear", "neutral"}, {0.25f, 1.0f, 0.0f}, "title", "note"};
    const Image right = ofer::compose_sheet(items, chart, {100, ofer::ChartPlace::kRight});
    CHECK(right.width > plain.width + 200);
    const Image below = ofer::compose_sheet(items, chart, {100, ofer::ChartPlace::kBelow});
    CHECK(below.width == plain.width);
    CHECK(below.height > plain.height + 60);
    const Image alone = ofer::compose_sheet({}, chart);

    // The bars: count the blue of each row's fill, widest run first.
    std::vector<int> runs;
    for (int y = 0; y < alone.height; ++y) {
      int run = 0;
      for (int x = 0; x < alone.width; ++x) {
        const Colour c = colour_at(alone, x, y);
        run += c.blue > c.red + 50;
      }
      runs.push_back(run);
    }
    const int longest = *std::max_element(runs.begin(), runs.end());
    REQUIRE(longest > 50);
    const auto near = [&](double share) {
      return std::count_if(runs.begin(), runs.end(),
                           [&](int run) { return std::fabs(run - share * longest) <= 1.5; });
    };
    CHECK(near(1.0) == 10);   // the bar of 1, ten pixels high
    CHECK(near(0.25) == 10);  // a quarter
  }

  TEST_CASE("sheets that cannot be are refused, odd values are drawn") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_AS(ofer::compose_sheet({}), ofer::Error);
    CHECK_THROWS_AS(ofer::compose_sheet({}, {{"a"}, {}, "", ""}), ofer::Error);
    const std::vector<ofer::SheetItem> empty{{Image(), "x"}}, one{{Image(9, 9), "x"}};
    CHECK_THROWS_AS(ofer::compose_sheet(empty), ofer::Error);
    CHECK_THROWS_AS(ofer::compose_sheet(one, {}, {0, ofer::ChartPlace::kRight}), ofer::Error);
    CHECK_THROWS_AS(ofer::compose_sheet(one, {}, {100'000, ofer::ChartPlace::kRight}), ofer::Error);
    const Image odd = ofer::compose_sheet({}, {{"a", "b", "c"}, {nan, -4, 7}, "", ""});
    const Image same = ofer::compose_sheet({}, {{"a", "b", "c"}, {0, 0, 1}, "", ""});
    CHECK(odd == same);
    const std::string endless(5000, 'w');
    const Image wide = ofer::compose_sheet(one, {{endless}, {0.5f}, endless, endless});
    CHECK(wide.width < 1000);
  }
}
