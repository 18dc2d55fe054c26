// The shapes that cover faces.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/image_io.h"
#include "ofer/data/shape_geometry.h"
#include "ofer/data/shapes.h"
#include "tests/support/pictures.h"
#include "tests/support/random.h"

namespace {

using ofer::Colour;
using ofer::Image;
using ofer::test::colour_at;
using ofer::test::difference;
using ofer::test::worst_difference;

const std::string kSamples = std::string(OFER_SOURCE_DIR) + "/samples/";
constexpr Colour kWhite{255, 255, 255};

}  // namespace

TEST_SUITE("shapes") {
  TEST_CASE("the covered samples can be drawn again") {
    const Image portrait = ofer::load_image(kSamples + "portrait.png");
    for (const ofer::CoveredSample& sample : ofer::kCoveredSamples) {
      CAPTURE(sample.file);
      const Image drawn = ofer::cover_with_shape(portrait, sample.kind, sample.seed).picture;
      // One level: another machine's sine may round the other way.
      CHECK(worst_difference(drawn, ofer::load_image(kSamples + sample.file)) <= 1);
    }
  }

  // Not a test: run by name after a change to the drawing (samples/README.md).
  TEST_CASE("write the covered samples" * doctest::skip()) {
    const Image portrait = ofer::load_image(kSamples + "portrait.png");
    for (const ofer::CoveredSample& sample : ofer::kCoveredSamples)
      ofer::save_png(ofer::cover_with_shape(portrait, sample.kind, sample.seed).picture,
                     kSamples + sample.file);
  }

  TEST_CASE("a shape changes the face where it covers it and nowhere else") {
    Image face(96, 80, {200, 170, 150});
    for (std::size_t i = 0; i < face.pixels.size(); i += 7) face.pixels[i] ^= 21;
    for (ofer::ShapeKind kind : ofer::kShapeKinds) {
      CHECK(ofer::shape_kind(ofer::name_of(kind)) == kind);
      std::vector<Image> pictures;
      for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        CAPTURE(ofer::name_of(kind));
        CAPTURE(seed);
        const ofer::CoveredFace covered = ofer::cover_with_shape(face, kind, seed);
        CHECK(covered.picture == ofer::cover_with_shape(face, kind, seed).picture);
        REQUIRE(covered.coverage.size() == 96 * 80);
        // On another face: where the coverage is full, the face does not show through.
        const Image dark(96, 80, {3, 2, 1});
        const ofer::CoveredFace other = ofer::cover_with_shape(dark, kind, seed);
        CHECK(other.coverage == covered.coverage);
        int full = 0, edge = 0, free = 0;
        for (std::size_t i = 0; i < covered.coverage.size(); ++i) {
          const auto x = static_cast<int>(i % 96), y = static_cast<int>(i / 96);
          const Colour before = colour_at(face, x, y), after = colour_at(covered.picture, x, y);
          if (covered.coverage[i] == 0) {
            ++free;
            REQUIRE(difference(before, after) <= 1);
          } else if (covered.coverage[i] == 255) {
            ++full;
            REQUIRE(difference(after, colour_at(other.picture, x, y)) <= 1);
          } else {
            ++edge;
          }
        }
        CHECK(full > 96 * 80 / 200);
        CHECK(edge > 20);  // the outline is smooth
        CHECK(free > 96 * 80 / 5);
        pictures.push_back(covered.picture);
      }
      for (std::size_t i = 1; i < pictures.size(); ++i) CHECK(!(pictures[0] == pictures[i]));
    }
    CHECK(!ofer::shape_kind("cloud"));
    CHECK_THROWS_AS(ofer::cover_with_shape(Image(), ofer::ShapeKind::kMask, 1), ofer::Error);
  }

  TEST_CASE("every fill is drawn, and a solid one has one colour") {
    const Image face(64, 64, {128, 128, 128});
    using ofer::FillKind;
    for (FillKind fill :
         {FillKind::kSolid, FillKind::kGradient, FillKind::kNoise, FillKind::kStripes}) {
      const ofer::CoveredFace covered =
          ofer::cover_with_shape(face, ofer::ShapeKind::kEllipse, 3, fill);
      std::vector<int> reds;
      for (std::size_t i = 0; i < covered.coverage.size(); ++i)
        if (covered.coverage[i] == 255) reds.push_back(covered.picture.pixels[3 * i]);
      REQUIRE(!reds.empty());
      const auto [low, high] = std::minmax_element(reds.begin(), reds.end());
      CAPTURE(static_cast<int>(fill));
      CHECK((*low == *high) == (fill == FillKind::kSolid));
    }
  }

  TEST_CASE("shapes at any picture size") {
    for (const auto& [w, h] : {std::pair{1, 1}, {3, 50}, {200, 10}})
      for (ofer::ShapeKind kind : ofer::kShapeKinds) {
        const ofer::CoveredFace covered = ofer::cover_with_shape(Image(w, h, kWhite), kind, 5);
        CHECK(covered.picture.width == w);
        CHECK(covered.coverage.size() == static_cast<std::size_t>(w * h));
      }
  }

  TEST_CASE("outside of an outline's box there is nothing of it, and its edge is where it says") {
    using ofer::Outline;
    using ofer::Point;
    const std::vector<Point> corners{{-0.2f, 0.1f}, {0.3f, -0.25f}, {0.25f, 0.3f}, {0, 0.05f}};
    const std::vector<Outline> outlines{
        ofer::ellipse({0.1f, -0.05f}, 0.3f, 0.12f, 0.7f),
        ofer::polygon(corners),
        ofer::smooth_polygon(corners),
        ofer::stroke(corners, 0.05f, 0.11f),
        ofer::joined(ofer::ellipse({0, 0}, 0.1f, 0.2f), ofer::stroke(corners, 0.05f, 0.02f), 0.06f),
        ofer::band({0.1f, 0.1f}, 0.4f, 0.2f)};
    ofer::test::Random random(3);
    for (std::size_t k = 0; k < outlines.size(); ++k) {
      CAPTURE(k);
      int inside = 0, outside = 0;
      for (int i = 0; i < 20'000; ++i) {
        const Point p{static_cast<float>(random.between(-1, 1)),
                      static_cast<float>(random.between(-1, 1))};
        const float distance = outlines[k](p), box = outlines[k].bounds.distance(p);
        if (box > 0) {
          ++outside;
          REQUIRE(distance > 0);
        }
        inside += distance < 0;
        // A distance changes by no more than the way that was gone, near the edge; the ellipse's is
        // one to first order only.
        const Point q{p.x + 0.001f, p.y};
        if (std::abs(distance) < 0.01f)
          REQUIRE(std::abs(outlines[k](q) - distance) < 0.001f * 1.1f);
      }
      CHECK(inside > 100);
      CHECK((outside > 1000) == (k != 5));  // a band has no ends
    }
    const ofer::Box box{{0, 0}, {1, 2}};
    CHECK(box.distance({0.5f, 1.5f}) == 0);
    CHECK(box.distance({4, 6}) == 5);
    CHECK(box.distance({-3, 1}) == 3);
  }
}
