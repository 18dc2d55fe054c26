#include "ofer/data/patch_grid.h"

#include "engine/error.h"

namespace ofer {

std::vector<double> covered_shares(std::span<const std::uint8_t> coverage, int width, int height,
                                   PatchGrid grid) {
  const auto [rows, columns] = grid;
  require(width > 0 && height > 0 &&
              coverage.size() == static_cast<std::size_t>(width) * static_cast<std::size_t>(height),
          ErrorCode::kBadArgument, "a coverage of ", coverage.size(), " values for ", width, " x ",
          height, " pixels");
  require(rows > 0 && columns > 0 && rows <= height && columns <= width, ErrorCode::kBadArgument,
          rows, " x ", columns, " patches on a picture of ", width, " x ", height, " pixels");
  std::vector<std::uint64_t> sum(grid.size()), count(grid.size());
  std::vector<std::size_t> column(static_cast<std::size_t>(width));
  for (int x = 0; x < width; ++x)
    column[static_cast<std::size_t>(x)] = static_cast<std::size_t>(patch_of(x, columns, width));
  std::size_t pixel = 0;
  for (int y = 0; y < height; ++y) {
    const auto row =
        static_cast<std::size_t>(patch_of(y, rows, height)) * static_cast<std::size_t>(columns);
    for (std::size_t patch : column) {
      sum[row + patch] += coverage[pixel++];
      ++count[row + patch];
    }
  }
  std::vector<double> shares(grid.size());
  for (std::size_t i = 0; i < shares.size(); ++i)
    shares[i] = static_cast<double>(sum[i]) / (255 * static_cast<double>(count[i]));
  return shares;
}

std::vector<PatchState> patch_states(std::span<const std::uint8_t> coverage, int width, int height,
                                     PatchGrid grid, PatchShares shares) {
  require(shares.clean >= 0 && shares.clean < shares.covered && shares.covered <= 1,
          ErrorCode::kBadArgument, "a patch cannot be covered from a share of ", shares.covered,
          " on and clean up to ", shares.clean, "; 0 <= clean < covered <= 1 is needed");
  const std::vector<double> share = covered_shares(coverage, width, height, grid);
  std::vector<PatchState> states(share.size());
  for (std::size_t i = 0; i < share.size(); ++i)
    states[i] = share[i] >= shares.covered ? PatchState::kCovered
                : share[i] <= shares.clean ? PatchState::kClean
                                           : PatchState::kNeither;
  return states;
}

std::vector<std::uint8_t> covered_patches(std::span<const std::uint8_t> coverage, int width,
                                          int height, int rows, int columns, double share) {
  const std::vector<double> shares = covered_shares(coverage, width, height, {rows, columns});
  std::vector<std::uint8_t> covered(shares.size());
  for (std::size_t i = 0; i < shares.size(); ++i) covered[i] = shares[i] >= share;
  return covered;
}

}  // namespace ofer
