#include "ofer/data/shapes.h"

#include <algorithm>

#include "engine/error.h"
#include "ofer/data/edges.h"
#include "ofer/data/shape_parts.h"

namespace ofer {

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
    case ShapeKind::kBands:
      return "bands";
  }
  return "?";
}

std::optional<ShapeKind> shape_kind(std::string_view name) {
  for (ShapeKind kind : kShapeKinds)
    if (name_of(kind) == name) return kind;
  return {};
}

Layer shape_layer(int width, int height, ShapeKind kind, std::uint64_t seed,
                  std::optional<FillKind> fill) {
  Layer layer(width, height);
  // The kind goes into the numbers, so that shapes of one seed do not share their colours.
  SeededNumbers numbers(seed * 16 + static_cast<std::uint64_t>(kind));
  const Parts parts = parts_of(kind, numbers, fill);

  const auto unit = static_cast<float>(std::min(width, height));
  Layer::Pixel* pixel = layer.pixels.data();
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x, ++pixel) {
      const Point p{(static_cast<float>(x) + 0.5f - static_cast<float>(width) / 2) / unit,
                    (static_cast<float>(y) + 0.5f - static_cast<float>(height) / 2) / unit};
      Paint paint;
      float free = 1;  // how much of the face still shows
      for (const Part& part : parts) {
        if (part.outline.bounds.distance(p) * unit > 1) continue;
        const float share = edge_share(part.outline(p) * unit);
        if (share <= 0) continue;
        // Laid over what is there, which weighs by how much of the pixel it holds.
        paint = mix(paint, part.surface(p), share / (1 - free * (1 - share)));
        free *= 1 - share;
      }
      if (free < 1) *pixel = {paint.red, paint.green, paint.blue, 1 - free};
    }
  return layer;
}

CoveredFace cover_with_shape(const Image& face, ShapeKind kind, std::uint64_t seed,
                             std::optional<FillKind> fill) {
  require(!face.empty(), ErrorCode::kBadArgument, "no shape can be drawn on an empty picture");
  return lay_over(face, shape_layer(face.width, face.height, kind, seed, fill));
}

}  // namespace ofer
