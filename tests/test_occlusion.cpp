// Covers and the truth about them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/error.h"
#include "engine/image_io.h"
#include "ofer/data/occlusion.h"
#include "ofer/data/patch_masks.h"
#include "tests/support/error_of.h"
#include "tests/support/random.h"
#include "tests/support/rgba_png.h"
#include "tests/support/temporary_folder.h"

namespace {

namespace fs = std::filesystem;
using ofer::Image;
using ofer::Layer;
using ofer::Occluder;
using ofer::Occlusion;
using ofer::OcclusionOptions;
using ofer::PatchGrid;
using ofer::PatchState;
using ofer::SeededNumbers;
using ofer::test::error_of;
using ofer::test::has;
using ofer::test::TemporaryFolder;

using Mask = std::vector<std::uint8_t>;

Image noise(int width, int height, std::uint64_t seed = 1) {
  ofer::test::Random random(seed);
  Image image(width, height);
  for (std::uint8_t& value : image.pixels) value = static_cast<std::uint8_t>(random.below(256));
  return image;
}

// Bytes as something that a set compares: GCC 12 warns of comparisons of byte vectors.
std::string text_of(const std::vector<std::uint8_t>& bytes) {
  return {bytes.begin(), bytes.end()};
}

std::size_t ones(const Mask& mask) {
  return static_cast<std::size_t>(std::count(mask.begin(), mask.end(), 1));
}

// How many parts a mask has whose patches touch along a side, by flooding.
int parts(Mask mask, PatchGrid grid) {
  int count = 0;
  for (std::size_t start = 0; start < mask.size(); ++start) {
    if (!mask[start]) continue;
    ++count;
    std::vector<std::size_t> open{start};
    mask[start] = 0;
    while (!open.empty()) {
      const int at = static_cast<int>(open.back());
      open.pop_back();
      const int row = at / grid.columns, column = at % grid.columns;
      for (const auto& [r, c] :
           {std::pair{row - 1, column}, {row + 1, column}, {row, column - 1}, {row, column + 1}}) {
        if (r < 0 || c < 0 || r >= grid.rows || c >= grid.columns) continue;
        const auto next = static_cast<std::size_t>(r * grid.columns + c);
        if (!mask[next]) continue;
        mask[next] = 0;
        open.push_back(next);
      }
    }
  }
  return count;
}

// Judged patch by patch from its own pixels.
std::vector<PatchState> states_by_definition(const Occlusion& o, PatchGrid grid,
                                             ofer::PatchShares shares) {
  std::vector<PatchState> states;
  for (int r = 0; r < grid.rows; ++r)
    for (int c = 0; c < grid.columns; ++c) {
      std::int64_t sum = 0, count = 0;
      for (int y = 0; y < o.picture.height; ++y)
        for (int x = 0; x < o.picture.width; ++x)
          if (y * grid.rows / o.picture.height == r && x * grid.columns / o.picture.width == c) {
            sum += o.coverage[static_cast<std::size_t>(y * o.picture.width + x)];
            ++count;
          }
      const double share = static_cast<double>(sum) / (255.0 * static_cast<double>(count));
      states.push_back(share >= shares.covered ? PatchState::kCovered
                       : share <= shares.clean ? PatchState::kClean
                                               : PatchState::kNeither);
    }
  return states;
}

// A red disc of 20 x 20 in a blue surrounding that is transparent, half so along its right half.
void put_disc(const fs::path& path, int width = 40, int height = 30) {
  std::vector<std::uint8_t> pixels;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const double dx = x + 0.5 - 15, dy = y + 0.5 - 12;
      const bool inside = dx * dx + dy * dy < 100;
      const std::uint8_t alpha = !inside ? 0 : dx > 0 ? 128 : 255;
      pixels.insert(pixels.end(), {inside ? std::uint8_t{250} : std::uint8_t{0}, 0,
                                   inside ? std::uint8_t{10} : std::uint8_t{255}, alpha});
    }
  ofer::test::put_rgba_png(path, width, height, pixels);
}

}  // namespace

TEST_SUITE("occlusion") {
  TEST_CASE("patches are covered by their share of the area") {
    // 7 x 5 pixels in 3 x 2 patches: columns 0..2, 3..4, 5..6 and rows 0..2, 3..4.
    std::vector<std::uint8_t> coverage(35, 0);
    for (int y = 0; y < 3; ++y)
      for (int x = 0; x < 3; ++x) coverage[static_cast<std::size_t>(y * 7 + x)] = 255;
    coverage[0 * 7 + 3] = 255;  // one of six
    coverage[4 * 7 + 6] = 128;  // an eighth of four
    const auto judge = [&](double share) {
      return ofer::covered_patches(coverage, 7, 5, 2, 3, share);
    };
    CHECK(judge(1.0) == std::vector<std::uint8_t>{1, 0, 0, 0, 0, 0});
    CHECK(judge(0.15) == std::vector<std::uint8_t>{1, 1, 0, 0, 0, 0});
    CHECK(judge(0.12) == std::vector<std::uint8_t>{1, 1, 0, 0, 0, 1});
    CHECK_THROWS_AS(ofer::covered_patches(coverage, 7, 4, 2, 3, 0.5), ofer::Error);
    CHECK_THROWS_AS(ofer::covered_patches(coverage, 7, 5, 6, 3, 0.5), ofer::Error);
    CHECK_THROWS_AS(ofer::covered_patches(coverage, 7, 5, 0, 3, 0.5), ofer::Error);
  }

  TEST_CASE("between covered and clean a patch is neither") {
    // One row of 4 patches of 10 pixels with 0, 1, 4 and 5 of them covered.
    std::vector<std::uint8_t> coverage(40, 0);
    for (int x : {10, 20, 21, 22, 23, 30, 31, 32, 33, 34})
      coverage[static_cast<std::size_t>(x)] = 255;
    const auto judge = [&](double covered, double clean) {
      return ofer::patch_states(coverage, 40, 1, {1, 4}, {covered, clean});
    };
    using enum PatchState;
    CHECK(judge(0.5, 0.05) == std::vector{kClean, kNeither, kNeither, kCovered});
    CHECK(judge(0.4, 0.1) == std::vector{kClean, kClean, kCovered, kCovered});
    CHECK(judge(1, 0) == std::vector{kClean, kNeither, kNeither, kNeither});
    for (const auto& [covered, clean] : {std::pair{0.5, 0.5}, {0.1, 0.2}, {1.1, 0.0}, {0.5, -0.1}})
      CHECK_THROWS_AS(judge(covered, clean), ofer::Error);
    CHECK_THROWS_AS(judge(std::nan(""), 0.1), ofer::Error);
  }

  TEST_CASE("scattered patches: the count, and every patch as often") {
    const PatchGrid grid{3, 5};
    std::vector<int> often(15);
    SeededNumbers numbers(2);
    for (int i = 0; i < 3000; ++i) {
      const Mask mask = ofer::random_patches(grid, 4, numbers);
      REQUIRE(mask.size() == 15);
      REQUIRE(ones(mask) == 4);
      for (std::size_t k = 0; k < 15; ++k) often[k] += mask[k];
    }
    for (int count : often) CHECK(std::abs(count - 800) < 5 * std::sqrt(800 * (1 - 4 / 15.0)));
    CHECK(ones(ofer::random_patches(grid, 0, numbers)) == 0);
    CHECK(ones(ofer::random_patches(grid, 15, numbers)) == 15);
    CHECK_THROWS_AS(ofer::random_patches(grid, 16, numbers), ofer::Error);
    CHECK(ofer::patch_count(0.2, 196) == 39);
    CHECK(ofer::patch_count(0, 196) == 0);
    CHECK(ofer::patch_count(1, 196) == 196);
    CHECK_THROWS_AS(ofer::patch_count(1.01, 196), ofer::Error);
    CHECK_THROWS_AS(ofer::patch_count(std::nan(""), 196), ofer::Error);
  }

  TEST_CASE("connected patches: the count, and no more parts than blobs") {
    SeededNumbers numbers(3);
    std::set<std::string> different;
    for (const PatchGrid grid : {PatchGrid{14, 14}, PatchGrid{1, 9}, PatchGrid{6, 2}})
      for (int blobs : {1, 2, 5})
        for (std::size_t count : {std::size_t{0}, std::size_t{1}, grid.size() / 3, grid.size()})
          for (int i = 0; i < 20; ++i) {
            const Mask mask = ofer::connected_patches(grid, count, blobs, numbers);
            REQUIRE(ones(mask) == count);
            REQUIRE(parts(mask, grid) <= blobs);
            REQUIRE((parts(mask, grid) > 0) == (count > 0));
            if (grid.rows == 14 && count == grid.size() / 3) different.insert(text_of(mask));
          }
    CHECK(different.size() == 60);
    CHECK_THROWS_AS(ofer::connected_patches({2, 2}, 5, 1, numbers), ofer::Error);
    CHECK_THROWS_AS(ofer::connected_patches({2, 2}, 2, 0, numbers), ofer::Error);
  }

  TEST_CASE("a training mask: shares between the two, at least one patch, scattered or connected") {
    const PatchGrid grid{5, 4};
    SeededNumbers numbers(6);
    std::set<std::size_t> counts;
    int scattered = 0;
    for (int i = 0; i < 300; ++i) {
      const Mask mask = ofer::draw_mask(
          grid, {.min_share = 0.2, .max_share = 0.4, .connected = 0.5, .blobs = 2}, numbers);
      counts.insert(ones(mask));
      scattered += parts(mask, grid) > 2;
    }
    CHECK(counts == std::set<std::size_t>{4, 5, 6, 7, 8});
    CHECK(scattered > 50);
    CHECK(scattered < 150);
    for (int i = 0; i < 50; ++i)
      CHECK(parts(ofer::draw_mask(grid, {.connected = 1, .blobs = 2}, numbers), grid) <= 2);
    CHECK(ones(ofer::draw_mask(grid, {.min_share = 0, .max_share = 0}, numbers)) == 1);
    CHECK(ones(ofer::draw_mask(grid, {.min_share = 1, .max_share = 1}, numbers)) == 20);
    for (const ofer::MaskOptions& wrong :
         {ofer::MaskOptions{.min_share = 0.5, .max_share = 0.4}, ofer::MaskOptions{.connected = 2},
          ofer::MaskOptions{.blobs = 0}})
      CHECK_THROWS_AS(ofer::check(wrong), ofer::Error);
  }

  TEST_CASE("grad occlusion takes the highest values first") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> values{0.1f, nan, 0.9f, 0.5f, 0.9f, -3, 0.5f};
    CHECK(ofer::leading_patches(values, 0) == Mask{0, 0, 0, 0, 0, 0, 0});
    CHECK(ofer::leading_patches(values, 1) == Mask{0, 0, 1, 0, 0, 0, 0});
    CHECK(ofer::leading_patches(values, 3) == Mask{0, 0, 1, 1, 1, 0, 0});
    CHECK(ofer::leading_patches(values, 5) == Mask{1, 0, 1, 1, 1, 0, 1});
    CHECK(ofer::leading_patches(values, 6) == Mask{1, 0, 1, 1, 1, 1, 1});
    CHECK(ofer::leading_patches(values, 7) == Mask{1, 1, 1, 1, 1, 1, 1});
    CHECK_THROWS_AS(ofer::leading_patches(values, 8), ofer::Error);
  }

  TEST_CASE("a mask's layer covers its patches whole, on sizes that patches do not divide") {
    const PatchGrid grid{4, 3};
    const Image face = noise(23, 17);
    SeededNumbers numbers(8);
    for (std::size_t count : {0, 1, 5, 12}) {
      const Mask mask = ofer::random_patches(grid, count, numbers);
      const Layer layer = ofer::patch_layer(23, 17, grid, mask, {9, 8, 7});
      const Occlusion o = ofer::occlude(face, layer, "patches", grid);
      CHECK(o.mask() == mask);
      CHECK(o.count(PatchState::kClean) == 12 - count);
      for (int y = 0; y < 17; ++y)
        for (int x = 0; x < 23; ++x) {
          const bool hidden = mask[static_cast<std::size_t>(y * 4 / 17 * 3 + x * 3 / 23)] != 0;
          REQUIRE(o.coverage[static_cast<std::size_t>(y * 23 + x)] == (hidden ? 255 : 0));
          REQUIRE(std::equal(
              o.picture.at(x, y), o.picture.at(x, y) + 3,
              hidden ? std::vector<std::uint8_t>{9, 8, 7}.begin()
                     : std::vector<std::uint8_t>(face.at(x, y), face.at(x, y) + 3).begin()));
        }
    }
    CHECK_THROWS_AS(ofer::patch_layer(2, 2, grid, Mask(12), {}), ofer::Error);
    CHECK_THROWS_AS(ofer::patch_layer(23, 17, grid, Mask(11), {}), ofer::Error);
  }

  TEST_CASE("a layer is laid over by its opacity") {
    const Image face = noise(9, 4);
    ofer::test::Random random(5);
    Layer layer(9, 4);
    for (Layer::Pixel& p : layer.pixels)
      p = {static_cast<float>(random.uniform()), static_cast<float>(random.uniform()),
           static_cast<float>(random.uniform()),
           random.below(3) ? static_cast<float>(random.uniform()) : 0.0f};
    const ofer::CoveredFace covered = ofer::lay_over(face, layer);
    for (std::size_t i = 0; i < layer.pixels.size(); ++i) {
      const Layer::Pixel& p = layer.pixels[i];
      const float colour[] = {p.red, p.green, p.blue};
      for (std::size_t c = 0; c < 3; ++c) {
        const double truth =
            255.0 * colour[c] * p.opacity + face.pixels[3 * i + c] * (1.0 - p.opacity);
        REQUIRE(std::fabs(covered.picture.pixels[3 * i + c] - truth) <= 0.501);
      }
      REQUIRE(std::fabs(covered.coverage[i] - 255.0 * p.opacity) <= 0.501);
    }
    CHECK_THROWS_AS(ofer::lay_over(noise(4, 9), layer), ofer::Error);
    CHECK_THROWS_AS(ofer::lay_over(Image(), Layer()), ofer::Error);
    CHECK_THROWS_AS(Layer(0, 3), ofer::Error);
    CHECK_THROWS_AS(Layer(100'000, 100'000), ofer::Error);
  }

  TEST_CASE("softening is a Gaussian over colour and opacity, and keeps a full cover full") {
    ofer::test::Random random(6);
    Layer layer(13, 8);
    for (Layer::Pixel& p : layer.pixels)
      p = {static_cast<float>(random.uniform()), static_cast<float>(random.uniform()),
           static_cast<float>(random.uniform()),
           random.below(2) ? static_cast<float>(random.uniform()) : 0.0f};
    for (float sigma : {0.6f, 1.2f, 5.0f}) {
      Layer soft = layer;
      ofer::soften(soft, sigma);
      const int radius = static_cast<int>(std::ceil(3 * sigma));
      const auto weight = [&](int k) { return std::exp(-0.5 * k * k / (sigma * sigma)); };
      for (int y = 0; y < 8; ++y)
        for (int x = 0; x < 13; ++x) {
          double total = 0, opacity = 0, red = 0;
          for (int j = -radius; j <= radius; ++j)
            for (int i = -radius; i <= radius; ++i) {
              const Layer::Pixel& p = layer.pixels[static_cast<std::size_t>(
                  std::clamp(y + j, 0, 7) * 13 + std::clamp(x + i, 0, 12))];
              const double w = weight(i) * weight(j);
              total += w;
              opacity += w * p.opacity;
              red += w * p.opacity * p.red;
            }
          const Layer::Pixel& got = soft.pixels[static_cast<std::size_t>(y * 13 + x)];
          REQUIRE(std::fabs(got.opacity - opacity / total) < 1e-5);
          REQUIRE(std::fabs(got.red * got.opacity - red / total) < 1e-5);
        }
    }
    Layer same = layer;
    ofer::soften(same, 0);
    for (std::size_t i = 0; i < same.pixels.size(); ++i)
      CHECK(same.pixels[i].opacity == layer.pixels[i].opacity);
    Layer full(6, 6);
    for (Layer::Pixel& p : full.pixels) p = {0.5f, 0.25f, 0.75f, 1};
    ofer::soften(full, 2);
    for (const Layer::Pixel& p : full.pixels) CHECK(p.opacity > 0.99999f);
    for (float sigma :
         {-1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
      CHECK_THROWS_AS(ofer::soften(same, sigma), ofer::Error);
  }

  TEST_CASE("a piece shows the other face, of the size that was asked for") {
    // The other face is red and bright, whatever the scale; so the piece is, too.
    const Image other(64, 64, {200, 40, 90});
    ofer::PieceOptions options;
    options.light = 0;
    options.min_share = 0.1f, options.max_share = 0.2f;
    double covered = 0;
    int whole = 0;
    std::set<std::string> different;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      SeededNumbers numbers(seed);
      const Layer layer = ofer::piece_layer(other, 96, 80, options, numbers);
      double area = 0;
      bool border = false;
      for (int y = 0; y < 80; ++y)
        for (int x = 0; x < 96; ++x) {
          const Layer::Pixel& p = layer.pixels[static_cast<std::size_t>(y * 96 + x)];
          area += p.opacity;
          if (p.opacity == 0) continue;
          border = border || x == 0 || y == 0 || x == 95 || y == 79;
          REQUIRE(std::fabs(p.red - 200 / 255.0f) < 1e-5f);
          REQUIRE(std::fabs(p.blue - 90 / 255.0f) < 1e-5f);
        }
      REQUIRE(area > 0);
      // Waves add to an ellipse's area the mean square of their height, which stays below 4 %.
      REQUIRE(area < 0.2 * 96 * 80 * 1.06);
      if (!border) {
        ++whole;
        covered += area;
        REQUIRE(area > 0.1 * 96 * 80 * 0.9);
      }
      different.insert(text_of(ofer::lay_over(Image(96, 80), layer).coverage));
    }
    REQUIRE(whole > 20);
    const double mean = covered / whole / (96 * 80);
    CHECK((mean > 0.12 && mean < 0.18));
    CHECK(different.size() == 200);
    SeededNumbers numbers(1);
    const auto error = [&](auto change) {
      ofer::PieceOptions wrong;
      change(wrong);
      return error_of([&] { ofer::piece_layer(other, 9, 9, wrong, numbers); });
    };
    CHECK(has(error([](auto& o) { o.min_share = 0; }), "min_share"));
    CHECK(has(error([](auto& o) { o.max_scale = 0.1f; }), "min_scale"));
    CHECK(has(error([](auto& o) { o.rotation = 181; }), "rotation"));
    CHECK(error([](auto&) {}).empty());
    CHECK_THROWS_AS(ofer::piece_layer(Image(), 9, 9, {}, numbers), ofer::Error);
    for (const auto& [w, h] : {std::pair{1, 1}, {1, 200}, {300, 2}})
      CHECK(ofer::piece_layer(noise(3, 1), w, h, {}, numbers).width == w);
  }

  TEST_CASE("cut-outs are cut to what shows, and lie where they are put") {
    const TemporaryFolder folder;
    put_disc(folder / "disc.png");
    const ofer::CutoutSet set = ofer::load_cutouts(folder / "");
    REQUIRE(set.cutouts.size() == 1);
    const ofer::Cutout& disc = set.cutouts[0];
    CHECK(disc.kind == "disc");
    CHECK((disc.width == 20 && disc.height == 20));
    // At its own size in the middle of a face of 60: pixel for pixel.
    const Layer layer = ofer::cutout_layer(disc, 60, 50, {0.5f, 0.5f, 20 / 50.0f, 0, false});
    const Layer mirrored = ofer::cutout_layer(disc, 60, 50, {0.5f, 0.5f, 20 / 50.0f, 0, true});
    for (int y = 0; y < 50; ++y)
      for (int x = 0; x < 60; ++x) {
        const double dx = x + 0.5 - 30, dy = y + 0.5 - 25;
        const bool inside = dx * dx + dy * dy < 100;
        const double opacity = !inside ? 0 : dx > 0 ? 128 / 255.0 : 1;
        const Layer::Pixel& p = layer.pixels[static_cast<std::size_t>(y * 60 + x)];
        REQUIRE(std::fabs(p.opacity - opacity) < 1e-4);
        if (inside) {
          REQUIRE(std::fabs(p.red - 250 / 255.0) < 0.005);  // 8 bits times 8 bits of opacity
          REQUIRE(std::fabs(p.blue - 10 / 255.0) < 0.005);
        }
        const Layer::Pixel& m = mirrored.pixels[static_cast<std::size_t>(y * 60 + 59 - x)];
        REQUIRE(std::fabs(m.opacity - opacity) < 1e-4);
      }
    // Turned clockwise by a quarter, the half that is half transparent lies below.
    const Layer turned =
        ofer::cutout_layer(disc, 60, 50, {0.5f, 0.5f, 20 / 50.0f, std::acos(-1.0f) / 2, false});
    CHECK(std::fabs(turned.pixels[20 * 60 + 30].opacity - 1) < 1e-3);
    CHECK(std::fabs(turned.pixels[30 * 60 + 30].opacity - 128 / 255.0) < 1e-3);
    // Twice as large it covers four times as much; reduced, a quarter: no pixel is skipped.
    const auto area = [&](float width) {
      double sum = 0;
      for (const Layer::Pixel& p :
           ofer::cutout_layer(disc, 200, 200, {0.5f, 0.5f, width, 0.4f, false}).pixels)
        sum += p.opacity;
      return sum;
    };
    const double one = area(0.1f);
    CHECK(std::fabs(area(0.2f) / one - 4) < 0.1);
    CHECK(std::fabs(area(0.05f) / one - 0.25) < 0.01);
    // Edges do not take on the colour of what is transparent.
    for (const Layer::Pixel& p :
         ofer::cutout_layer(disc, 31, 31, {0.4f, 0.6f, 0.31f, 0.7f, false}).pixels)
      if (p.opacity > 0.05f) {
        REQUIRE(p.blue < 0.1f);
        REQUIRE(p.red > 0.9f);
      }
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (const ofer::CutoutPlace& place : {ofer::CutoutPlace{0, 0, 0, 0, false},
                                           {0, 0, 11, 0, false},
                                           {nan, 0, 1, 0, false},
                                           {0, 0, 1, nan, false},
                                           {0, 1000, 1, 0, false}})
      CHECK_THROWS_AS(ofer::cutout_layer(disc, 9, 9, place), ofer::Error);
  }

  TEST_CASE("a folder of cut-outs: kinds by table, folder and name; what is wrong is told") {
    const TemporaryFolder folder;
    fs::create_directories(folder / "Hat");
    put_disc(folder / "hand_1.png");
    put_disc(folder / "thing.png", 35, 25);
    put_disc(folder / "Hat/a.png");
    put_disc(folder / "007.png");
    ofer::test::put_rgba_png(folder / "empty.png", 2, 1, {1, 2, 3, 0, 4, 5, 6, 0});
    ofer::test::put_rgba_png(folder / "opaque.png", 1, 1, {1, 2, 3, 255});
    ofer::test::put(folder / "broken.png", "no");
    ofer::test::put(folder / "occluders.csv",
                    "kind,file,origin\nMask,thing.png,somewhere\nscarf,gone.png,\nbroken\n");
    const ofer::CutoutSet set = ofer::load_cutouts(folder / "", 10);
    CHECK(set.kinds() == std::vector<std::string>{"hand", "hat", "mask", "object"});
    CHECK(set.of_kind("mask").size() == 1);
    for (const ofer::Cutout& cutout : set.cutouts)
      CHECK((cutout.width == 10 && cutout.height == 10));
    CHECK(set.report.count(ofer::DataProblem::kBadImage) == 3);
    CHECK(set.report.count(ofer::DataProblem::kMissingFile) == 1);
    CHECK(set.report.count(ofer::DataProblem::kBadLine) == 1);
    CHECK(has(error_of([&] { ofer::load_cutouts(folder / "absent"); }), "cannot list"));
    fs::create_directories(folder / "none");
    CHECK(has(error_of([&] { ofer::load_cutouts(folder / "none"); }), "no cut-outs in it"));
    ofer::test::put(folder / "occluders.csv", "name,kind\n");
    CHECK(has(error_of([&] { ofer::load_cutouts(folder / ""); }), "columns file and kind"));
  }

  TEST_CASE("masks lie low, glasses over the eyes, what is unknown anywhere") {
    const auto mean_y = [](const char* kind) {
      double sum = 0;
      for (std::uint64_t seed = 0; seed < 300; ++seed) {
        SeededNumbers numbers(seed);
        const ofer::CutoutPlace place = ofer::plausible_place(kind, numbers);
        REQUIRE((place.x >= 0 && place.x <= 1 && place.y >= 0 && place.y <= 1));
        REQUIRE(place.width > 0);
        sum += place.y / 300;
      }
      return sum;
    };
    CHECK(mean_y("hat") < 0.2);
    CHECK(std::fabs(mean_y("glasses") - 0.4) < 0.03);
    CHECK(mean_y("mask") > 0.6);
    CHECK(mean_y("scarf") > mean_y("mask"));
    CHECK(std::fabs(mean_y("book") - 0.5) < 0.05);
  }

  TEST_CASE("drawn covers: by their weights, true to their patches, the same again") {
    const TemporaryFolder folder;
    put_disc(folder / "mask.png");
    put_disc(folder / "hand.png");
    const ofer::CutoutSet set = ofer::load_cutouts(folder / "");
    const Image face = noise(70, 66, 1), other = noise(50, 90, 2);
    OcclusionOptions options;
    options.grid = {7, 9};
    options.patches = options.blobs = options.shapes = options.pieces = options.cutouts = 1;
    const Occluder occluder(options, &set);
    std::vector<Occlusion> drawn;
    std::set<std::string> kinds;
    constexpr int kDraws = 300;
    const auto draw = [&](std::uint64_t i) {
      SeededNumbers numbers = ofer::numbers_for(3, 1, i, ofer::RandomPurpose::kOcclude);
      return occluder.cover(face, &other, numbers);
    };
    int touching = 0;
    for (std::uint64_t i = 0; i < kDraws; ++i) {
      drawn.push_back(draw(i));
      const Occlusion& o = drawn.back();
      kinds.insert(o.kind);
      REQUIRE(o.patches == states_by_definition(o, options.grid, options.shares));
      touching += o.count(PatchState::kCovered) > 0;
      for (std::size_t p = 0; p < o.coverage.size(); ++p)
        if (o.coverage[p] == 0)
          for (std::size_t c = 0; c < 3; ++c)
            REQUIRE(std::abs(o.picture.pixels[3 * p + c] - face.pixels[3 * p + c]) <= 1);
      if (o.kind == "patches" || o.kind == "blobs") {
        REQUIRE(o.count(PatchState::kNeither) == 0);
        REQUIRE(o.count(PatchState::kCovered) >= 6);   // 0.1 of 63
        REQUIRE(o.count(PatchState::kCovered) <= 32);  // 0.5 of 63
      }
    }
    CHECK(touching == kDraws);
    CHECK(kinds == std::set<std::string>{"bands", "blobs", "ellipse", "glasses", "hand", "mask",
                                         "patches", "piece", "polygon", "strokes"});
    // Four threads in other orders draw the same bytes.
    std::vector<std::thread> threads;
    std::vector<int> wrong(4);
    for (std::size_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (std::size_t k = 0; k < 60; ++k) {
          const std::size_t i = (k * 7 + 75 * t) % kDraws;
          const Occlusion again = draw(i);
          wrong[t] += again.picture != drawn[i].picture || again.coverage != drawn[i].coverage ||
                      again.patches != drawn[i].patches;
        }
      });
    for (std::thread& thread : threads) thread.join();
    CHECK(std::accumulate(wrong.begin(), wrong.end(), 0) == 0);
  }

  TEST_CASE("a cover that hides no patch is drawn again") {
    const Image face = noise(60, 60, 1), other = noise(60, 60, 2);
    OcclusionOptions options;
    options.grid = {6, 6};
    options.shapes = 0;
    options.piece.min_share = 0.01f, options.piece.max_share = 0.04f;
    const Occluder occluder(options);
    int single = 0, drawn = 0;
    constexpr int kDraws = 400;
    for (std::uint64_t i = 0; i < kDraws; ++i) {
      SeededNumbers a(i), b(i);
      const Layer layer = ofer::piece_layer(other, 60, 60, options.piece, a);
      single += ofer::occlude(face, layer, "piece", options.grid).count(PatchState::kCovered) == 0;
      drawn += occluder.cover(face, &other, b).count(PatchState::kCovered) == 0;
    }
    REQUIRE(single > kDraws / 10);
    CHECK(drawn < single / 10);
  }

  TEST_CASE("only what has a weight is drawn, and some of each kind that is asked for") {
    const Image face = noise(40, 40);
    const auto kinds = [&](OcclusionOptions options, const Image* other,
                           const ofer::CutoutSet* set = nullptr) {
      options.grid = {5, 5};
      const Occluder occluder(options, set);
      std::set<std::string> found;
      SeededNumbers numbers(4);
      for (int i = 0; i < 60; ++i) found.insert(occluder.cover(face, other, numbers).kind);
      return found;
    };
    OcclusionOptions options;
    options.shape_kinds = {ofer::ShapeKind::kBands, ofer::ShapeKind::kEllipse};
    CHECK(kinds(options, &face) == std::set<std::string>{"bands", "ellipse", "piece"});
    CHECK(kinds(options, nullptr) == std::set<std::string>{"bands", "ellipse"});
    options.shapes = 0;
    CHECK(kinds(options, &face) == std::set<std::string>{"piece"});
    CHECK(has(error_of([&] { kinds(options, nullptr); }), "there is no other face"));
    options.pieces = 0;
    CHECK(has(error_of([&] { kinds(options, &face); }), "weight 0"));
    options.cutouts = 1;
    CHECK(has(error_of([&] { kinds(options, &face); }), "give a folder"));
    const TemporaryFolder folder;
    for (const char* name : {"mask_1.png", "mask_2.png", "hand.png"}) put_disc(folder / name);
    const ofer::CutoutSet set = ofer::load_cutouts(folder / "");
    CHECK(kinds(options, nullptr, &set) == std::set<std::string>{"hand", "mask"});
    options.cutout_kinds = {"mask"};
    CHECK(kinds(options, nullptr, &set) == std::set<std::string>{"mask"});
    options.cutout_kinds = {"ghost"};
    CHECK(has(error_of([&] { kinds(options, nullptr, &set); }), "no cut-out is a ghost"));

    const auto error = [](auto change) {
      OcclusionOptions wrong;
      change(wrong);
      return error_of([&] { const Occluder occluder(wrong); });
    };
    CHECK(has(error([](auto& o) { o.shapes = -1; }), "weight -1"));
    CHECK(has(error([](auto& o) { o.pieces = std::nan(""); }), "weight"));
    CHECK(has(error([](auto& o) { o.min_share = 0.9; }), "min_share"));
    CHECK(has(error([](auto& o) { o.max_sigma = 0.1f; }), "sigma"));
    CHECK(has(error([](auto& o) { o.blobs_at_most = 0; }), "blobs"));
    CHECK(error([](auto&) {}).empty());
    SeededNumbers numbers(1);
    CHECK_THROWS_AS(Occluder({}).cover(Image(), nullptr, numbers), ofer::Error);
    // More patches than pixels along a side.
    CHECK(has(error_of([&] { Occluder({}).cover(noise(5, 5), nullptr, numbers); }), "14 x 14"));
  }
}
