// Faces covered by shapes that this program draws itself: for samples, tests and training.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/image.h"

namespace ofer {

// The first three take their places from an aligned face: eyes at about 40 % of the height and a
// third of the width apart, mouth at about 74 %. The others lie anywhere.
enum class ShapeKind { kMask, kGlasses, kHand, kEllipse, kPolygon, kStrokes };
inline constexpr ShapeKind kShapeKinds[] = {ShapeKind::kMask,    ShapeKind::kGlasses,
                                            ShapeKind::kHand,    ShapeKind::kEllipse,
                                            ShapeKind::kPolygon, ShapeKind::kStrokes};
enum class FillKind { kSolid, kGradient, kNoise, kStripes };

// "mask", "glasses", "hand", "ellipse", "polygon", "strokes".
std::string_view name_of(ShapeKind kind);
std::optional<ShapeKind> shape_kind(std::string_view name);

struct CoveredFace {
  Image picture;
  // width x height: 0 where the face shows, 255 where it is hidden, between on an edge.
  std::vector<std::uint8_t> coverage;
};

// Draws a shape over the face; its place, size, colours and, without `fill`, its surface follow
// from the seed. The same arguments give the same picture. Any picture size; a shape's measures
// follow the shorter side. Throws kBadArgument for an empty picture.
CoveredFace cover_with_shape(const Image& face, ShapeKind kind, std::uint64_t seed,
                             std::optional<FillKind> fill = {});

// Which patches of a rows x columns grid (tools/pictures.h) are covered: 1 where at least `share`
// of the patch's area is. coverage: width x height as above. Throws kBadArgument when the sizes do
// not fit together or a patch would have no pixel.
std::vector<std::uint8_t> covered_patches(std::span<const std::uint8_t> coverage, int width,
                                          int height, int rows, int columns, double share);

// The covered pictures in samples/, drawn over samples/portrait.png.
struct CoveredSample {
  const char* file;
  ShapeKind kind;
  std::uint64_t seed;
};
inline constexpr CoveredSample kCoveredSamples[] = {
    {"portrait_mask.png", ShapeKind::kMask, 1},
    {"portrait_glasses.png", ShapeKind::kGlasses, 1},
    {"portrait_hand.png", ShapeKind::kHand, 1},
};

}  // namespace ofer
