#include "tools/shapes.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "tools/draw.h"
#include "tools/shape_parts.h"

namespace ofer {

namespace {

std::uint8_t level(float value) {
  return static_cast<std::uint8_t>(std::lround(255 * std::clamp(value, 0.0f, 1.0f)));
}

}  // namespace

std::string_view name_of(ShapeKind kind) {
  switch (kind) {
    case ShapeKind::kMask:
      return "mask";
    case ShapeKind::kGlasses:
      return "glasses";
    case ShapeKind::kHand:
      return "hand";
    case ShapeKind::kEllipse:
      return "ellipse";
    case ShapeKind::kPolygon:
      return "polygon";
    case ShapeKind::kStrokes:
      return "strokes";
  }
  return "?";
}

std::optional<ShapeKind> shape_kind(std::string_view name) {
  for (ShapeKind kind : kShapeKinds)
    if (name_of(kind) == name) return kind;
  return {};
}

CoveredFace cover_with_shape(const Image& face, ShapeKind kind, std::uint64_t seed,
                             std::optional<FillKind> fill) {
  require(!face.empty(), ErrorCode::kBadArgument, "no shape can be drawn on an empty picture");
  // The kind goes into the numbers, so that shapes of one seed do not share their colours.
  SeededNumbers numbers(seed * 16 + static_cast<std::uint64_t>(kind));
  const Parts parts = parts_of(kind, numbers, fill);

  CoveredFace result{face, std::vector<std::uint8_t>(face.pixels.size() / 3)};
  const auto unit = static_cast<float>(std::min(face.width, face.height));
  for (int y = 0; y < face.height; ++y)
    for (int x = 0; x < face.width; ++x) {
      const Point p{(static_cast<float>(x) + 0.5f - static_cast<float>(face.width) / 2) / unit,
                    (static_cast<float>(y) + 0.5f - static_cast<float>(face.height) / 2) / unit};
      Paint paint;
      float free = 1;  // how much of the face still shows
      for (const Part& part : parts) {
        const float share = edge_share(part.outline(p) * unit);
        if (share <= 0) continue;
        // Laid over what is there, which weighs by how much of the pixel it holds.
        paint = mix(paint, part.surface(p), share / (1 - free * (1 - share)));
        free *= 1 - share;
      }
      if (free == 1) continue;
      std::uint8_t* pixel = result.picture.at(x, y);
      pixel[0] = level(paint.red + (pixel[0] / 255.0f - paint.red) * free);
      pixel[1] = level(paint.green + (pixel[1] / 255.0f - paint.green) * free);
      pixel[2] = level(paint.blue + (pixel[2] / 255.0f - paint.blue) * free);
      result.coverage[static_cast<std::size_t>(y) * face.width + x] = level(1 - free);
    }
  return result;
}

std::vector<std::uint8_t> covered_patches(std::span<const std::uint8_t> coverage, int width,
                                          int height, int rows, int columns, double share) {
  require(width > 0 && height > 0 &&
              coverage.size() == static_cast<std::size_t>(width) * static_cast<std::size_t>(height),
          ErrorCode::kBadArgument, "a coverage of ", coverage.size(), " values for ", width, " x ",
          height, " pixels");
  require(rows > 0 && columns > 0 && rows <= height && columns <= width, ErrorCode::kBadArgument,
          rows, " x ", columns, " patches on a picture of ", width, " x ", height, " pixels");
  const auto patches = static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
  std::vector<std::uint64_t> sum(patches), count(patches);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const auto patch = static_cast<std::size_t>(std::int64_t{y} * rows / height * columns +
                                                  std::int64_t{x} * columns / width);
      sum[patch] += coverage[static_cast<std::size_t>(y) * width + x];
      ++count[patch];
    }
  std::vector<std::uint8_t> covered(patches);
  for (std::size_t i = 0; i < patches; ++i)
    covered[i] = static_cast<double>(sum[i]) >= share * 255 * static_cast<double>(count[i]);
  return covered;
}

}  // namespace ofer
