// Masks of whole patches: scattered, connected, and by the values of a map.
//
// A mask has one byte per patch of a grid, row by row: 1 covered, 0 not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/image.h"
#include "ofer/data/layer.h"
#include "ofer/data/patch_grid.h"
#include "ofer/data/random.h"

namespace ofer {

// A share in [0, 1] as a number of patches, rounded to the nearest. Throws kBadArgument.
std::size_t patch_count(double share, std::size_t patches);

// All functions cover exactly `count` patches and throw kBadArgument when there are fewer.

// Any set of patches is as likely as any other.
std::vector<std::uint8_t> random_patches(PatchGrid grid, std::size_t count, SeededNumbers& numbers);

// Grown from at most `blobs` patches: each next one is drawn from those beside a covered one. The
// mask has at most `blobs` parts (neighbours share a side).
std::vector<std::uint8_t> connected_patches(PatchGrid grid, std::size_t count, int blobs,
                                            SeededNumbers& numbers);

// A mask as training draws it: a share of the patches, scattered ones, or with probability
// `connected` connected ones in at most `blobs` parts.
struct MaskOptions {
  double min_share = 0.5, max_share = 0.85;
  double connected = 0.5;
  int blobs = 3;
};
// Throws kBadArgument for options that cannot be, with the reason.
void check(const MaskOptions& options);
// At least one patch, whatever the share. `options` have passed check().
std::vector<std::uint8_t> draw_mask(PatchGrid grid, const MaskOptions& options,
                                    SeededNumbers& numbers);

// "Grad" occlusion: the patches whose values are highest. Of equal ones the first in the grid goes
// first; NaN goes last.
std::vector<std::uint8_t> leading_patches(std::span<const float> values, std::size_t count);

// The mask's patches in one colour, before a face of this size. Throws kBadArgument when the grid
// has more patches than pixels along a side or another size than the mask.
Layer patch_layer(int width, int height, PatchGrid grid, std::span<const std::uint8_t> mask,
                  Colour colour);

}  // namespace ofer
