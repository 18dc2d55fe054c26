// The shapes as pieces: outlines with surfaces, laid over each other.
#pragma once

#include <optional>
#include <vector>

#include "ofer/data/shape_fill.h"
#include "ofer/data/shape_geometry.h"
#include "ofer/data/shapes.h"

namespace ofer {

// One piece of a shape: where it is, and its colour there. Pieces are laid over each other.
struct Part {
  Outline outline;
  Surface surface;
};
using Parts = std::vector<Part>;

// The pieces of a shape, first the lowest. Place, size and colours come from the numbers; `fill`
// takes the place of the shape's own surface.
Parts parts_of(ShapeKind kind, SeededNumbers& numbers, std::optional<FillKind> fill);

}  // namespace ofer
