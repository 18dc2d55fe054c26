// Two pictures of one size, as the measures of likeness take them.
#pragma once

#include <cstdint>
#include <span>

#include "engine/image.h"
#include "ofer/result.h"

namespace ofer {

// An 8-bit picture as 3 planes of v / 255.
Planes planes_of(const Image& image);

// Throws kBadArgument, with `what` at the start, unless both have the same size, at least one
// value, as many values as their sizes say, and all in [0, 1] (no NaN): the measures take 1 for the
// largest difference there can be.
void check_pair(const Planes& a, const Planes& b, const char* what);

// Throws kBadArgument unless `mask` has one value for each pixel of `picture`.
void check_mask(std::span<const std::uint8_t> mask, int height, int width, const char* what);

}  // namespace ofer
