// Faces covered by shapes that this program draws itself: for samples, tests and training.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/image.h"
#include "ofer/data/layer.h"

namespace ofer {

// The first three take their places from an aligned face: eyes at about 40 % of the height and a
// third of the width apart, mouth at about 74 %. The others lie anywhere.
enum class ShapeKind { kMask, kGlasses, kHand, kEllipse, kPolygon, kStrokes, kBands };
inline constexpr ShapeKind kShapeKinds[] = {
    ShapeKind::kMask,    ShapeKind::kGlasses, ShapeKind::kHand, ShapeKind::kEllipse,
    ShapeKind::kPolygon, ShapeKind::kStrokes, ShapeKind::kBands};
enum class FillKind { kSolid, kGradient, kNoise, kStripes };

// "mask", "glasses", "hand", "ellipse", "polygon", "strokes", "bands".
std::string_view name_of(ShapeKind kind);
std::optional<ShapeKind> shape_kind(std::string_view name);

// The shape alone, before a face of this size. Place, size, colours and, without `fill`, the
// surface follow from the seed. Any size; a shape's measures follow the shorter side. Throws
// kBadArgument.
Layer shape_layer(int width, int height, ShapeKind kind, std::uint64_t seed,
                  std::optional<FillKind> fill = {});

// The face behind it. Throws kBadArgument for an empty picture.
CoveredFace cover_with_shape(const Image& face, ShapeKind kind, std::uint64_t seed,
                             std::optional<FillKind> fill = {});

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
