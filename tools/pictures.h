// Pictures of a result: what is covered, and where a map is high. Plain data in, pictures out.
#pragma once

#include <cstdint>

#include "engine/image.h"

namespace ofer {

// Grids of patches lie as ofer/data/patch_grid.h says.
// All functions throw kBadArgument for an empty picture or a grid side below 1.

// The face with its covered patches in grey under blue hatching, the covered area outlined, and a
// thin grid. occluded: rows x columns, row by row, not 0 = covered.
Image draw_mask_overlay(const Image& face, int rows, int columns, const std::uint8_t* occluded);

// The face under the map's colours (tools/colour_ramp.h); the higher the value, the denser. map:
// rows x columns in [0, 1], enlarged bilinearly; values outside are clamped, NaN counts as 0.
Image draw_heat_overlay(const Image& face, const float* map, int rows, int columns);

// The map alone, at width x height pixels.
Image draw_heat_map(const float* map, int rows, int columns, int width, int height);

}  // namespace ofer
