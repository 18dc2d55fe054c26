// Pictures of single cases, the best and the worst of an evaluation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/image.h"
#include "ofer/data/patch_grid.h"

namespace ofer {

// The picture with these patches ([L], not 0) half under a colour.
Image tinted(const Image& picture, PatchGrid grid, std::span<const std::uint8_t> patches,
             Colour colour);

// Side by side with a gap between. Throws kBadArgument for none, and for different heights.
Image side_by_side(std::span<const Image> pictures);

// Numbers of the highest scores, the highest first, and of the lowest, the lowest first; at most
// `most` of each, and none is in both. NaN is neither. Of equal scores the first counts as the
// higher one.
struct Extremes {
  std::vector<std::size_t> best, worst;
};
Extremes extremes(std::span<const double> scores, std::size_t most);

}  // namespace ofer
