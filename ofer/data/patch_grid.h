// How the pixels of a picture fall into a grid of patches, and which patches a cover covers.
//
// Patch (r, c) of a grid over a picture of H x W holds the pixels y, x with
// floor(y * rows / H) == r and floor(x * columns / W) == c.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "weights/config.h"

namespace ofer {

// Along one axis: the patch that a pixel lies in.
inline int patch_of(int pixel, int patches, int pixels) {
  return static_cast<int>(std::int64_t{pixel} * patches / pixels);
}

struct PatchGrid {
  int rows = 14, columns = 14;
  std::size_t size() const {
    return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
  }
  bool operator==(const PatchGrid&) const = default;
};

// The grid of a configuration's patches.
inline PatchGrid grid_of(const Config& config) {
  return {config.patch_rows(), config.patch_columns()};
}

// A patch that is covered in part is a bad example of either kind, so that two shares part three
// states: covered from the one on, clean up to the other.
enum class PatchState : std::uint8_t { kClean, kNeither, kCovered };
struct PatchShares {
  double covered = 0.5, clean = 0.05;
};

// The share of each patch's area that is covered, 0 to 1, row by row. coverage: width x height, 0
// where the face shows and 255 where it is hidden. Throws kBadArgument when the sizes do not fit
// together or a patch would have no pixel.
std::vector<double> covered_shares(std::span<const std::uint8_t> coverage, int width, int height,
                                   PatchGrid grid);

// Covered where the share is at least shares.covered, else clean where it is at most shares.clean.
// Throws as covered_shares does, and kBadArgument unless 0 <= clean < covered <= 1.
std::vector<PatchState> patch_states(std::span<const std::uint8_t> coverage, int width, int height,
                                     PatchGrid grid, PatchShares shares);

// The same as bits: 1 where at least `share` of a patch is covered.
std::vector<std::uint8_t> covered_patches(std::span<const std::uint8_t> coverage, int width,
                                          int height, int rows, int columns, double share);

}  // namespace ofer
