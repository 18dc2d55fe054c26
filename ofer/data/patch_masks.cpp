#include "ofer/data/patch_masks.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/error.h"

namespace ofer {

namespace {

void check_count(std::size_t count, std::size_t patches) {
  require(count <= patches, ErrorCode::kBadArgument, count, " of ", patches,
          " patches cannot be covered");
}

std::vector<std::size_t> all_indices(std::size_t count) {
  std::vector<std::size_t> indices(count);
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  return indices;
}

}  // namespace

std::size_t patch_count(double share, std::size_t patches) {
  require(share >= 0 && share <= 1, ErrorCode::kBadArgument, "a covered share of ", share,
          "; 0 to 1 is possible");
  return static_cast<std::size_t>(std::lround(share * static_cast<double>(patches)));
}

std::vector<std::uint8_t> random_patches(PatchGrid grid, std::size_t count,
                                         SeededNumbers& numbers) {
  check_count(count, grid.size());
  std::vector<std::size_t> order = all_indices(grid.size());
  shuffle(std::span(order), numbers);
  std::vector<std::uint8_t> mask(grid.size());
  for (std::size_t i = 0; i < count; ++i) mask[order[i]] = 1;
  return mask;
}

std::vector<std::uint8_t> connected_patches(PatchGrid grid, std::size_t count, int blobs,
                                            SeededNumbers& numbers) {
  check_count(count, grid.size());
  require(blobs >= 1, ErrorCode::kBadArgument, blobs, " blobs; at least 1 is needed");
  std::vector<std::uint8_t> mask(grid.size());
  std::vector<std::uint8_t> listed(grid.size());  // covered, or in `edge`
  std::vector<std::size_t> edge;                  // free patches beside covered ones
  const auto list = [&](int row, int column) {
    if (row < 0 || column < 0 || row >= grid.rows || column >= grid.columns) return;
    const std::size_t i = static_cast<std::size_t>(row) * static_cast<std::size_t>(grid.columns) +
                          static_cast<std::size_t>(column);
    if (listed[i]) return;
    listed[i] = 1;
    edge.push_back(i);
  };
  const auto cover = [&](std::size_t i) {
    mask[i] = listed[i] = 1;
    const int row = static_cast<int>(i) / grid.columns, column = static_cast<int>(i) % grid.columns;
    list(row - 1, column);
    list(row + 1, column);
    list(row, column - 1);
    list(row, column + 1);
  };

  std::vector<std::size_t> seeds = all_indices(grid.size());
  shuffle(std::span(seeds), numbers);
  std::size_t covered = 0;
  for (; covered < std::min(count, static_cast<std::size_t>(blobs)); ++covered) {
    std::erase(edge, seeds[covered]);
    cover(seeds[covered]);
  }
  for (; covered < count; ++covered) {
    std::swap(edge[static_cast<std::size_t>(numbers.next() % edge.size())], edge.back());
    const std::size_t next = edge.back();
    edge.pop_back();
    cover(next);
  }
  return mask;
}

void check(const MaskOptions& o) {
  require(o.min_share >= 0 && o.min_share <= o.max_share && o.max_share <= 1,
          ErrorCode::kBadArgument,
          "masks: min_share and max_share are shares of the patches, from 0 "
          "to 1 and in this order, not ",
          o.min_share, " and ", o.max_share);
  require(o.connected >= 0 && o.connected <= 1, ErrorCode::kBadArgument,
          "masks: connected is a probability, not ", o.connected);
  require(o.blobs >= 1 && o.blobs <= 64, ErrorCode::kBadArgument,
          "masks: blobs is a number from 1 to 64, not ", o.blobs);
}

std::vector<std::uint8_t> draw_mask(PatchGrid grid, const MaskOptions& o, SeededNumbers& numbers) {
  const double share = o.min_share + (o.max_share - o.min_share) * double{numbers.uniform()};
  const std::size_t count =
      std::clamp<std::size_t>(patch_count(share, grid.size()), 1, grid.size());
  return numbers.chance(o.connected)
             ? connected_patches(grid, count, 1 + numbers.index(o.blobs), numbers)
             : random_patches(grid, count, numbers);
}

std::vector<std::uint8_t> leading_patches(std::span<const float> values, std::size_t count) {
  check_count(count, values.size());
  std::vector<std::size_t> order = all_indices(values.size());
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (std::isnan(values[a]) || std::isnan(values[b]))
      return !std::isnan(values[a]) && std::isnan(values[b]);
    return values[a] > values[b];
  });
  std::vector<std::uint8_t> mask(values.size());
  for (std::size_t i = 0; i < count; ++i) mask[order[i]] = 1;
  return mask;
}

Layer patch_layer(int width, int height, PatchGrid grid, std::span<const std::uint8_t> mask,
                  Colour colour) {
  Layer layer(width, height);
  require(grid.rows > 0 && grid.columns > 0 && grid.rows <= height && grid.columns <= width,
          ErrorCode::kBadArgument, grid.rows, " x ", grid.columns, " patches on a picture of ",
          width, " x ", height, " pixels");
  require(mask.size() == grid.size(), ErrorCode::kBadArgument, "a mask of ", mask.size(),
          " values for ", grid.rows, " x ", grid.columns, " patches");
  const Layer::Pixel paint{static_cast<float>(colour.red) / 255,
                           static_cast<float>(colour.green) / 255,
                           static_cast<float>(colour.blue) / 255, 1};
  std::size_t pixel = 0;
  for (int y = 0; y < height; ++y) {
    const std::size_t row = static_cast<std::size_t>(patch_of(y, grid.rows, height)) *
                            static_cast<std::size_t>(grid.columns);
    for (int x = 0; x < width; ++x, ++pixel)
      if (mask[row + static_cast<std::size_t>(patch_of(x, grid.columns, width))])
        layer.pixels[pixel] = paint;
  }
  return layer;
}

}  // namespace ofer
