#include "ofer/eval/case_pictures.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "ofer/data/patch_masks.h"

namespace ofer {

Image tinted(const Image& picture, PatchGrid grid, std::span<const std::uint8_t> patches,
             Colour colour) {
  Layer layer = patch_layer(picture.width, picture.height, grid, patches, colour);
  for (Layer::Pixel& pixel : layer.pixels) pixel.opacity /= 2;
  return lay_over(picture, layer).picture;
}

Image side_by_side(std::span<const Image> pictures) {
  require(!pictures.empty(), ErrorCode::kBadArgument, "no pictures to put side by side");
  const int height = pictures.front().height, gap = std::max(2, height / 28);
  int width = -gap;
  for (const Image& picture : pictures) {
    require(picture.height == height, ErrorCode::kBadArgument, "pictures of ", height, " and ",
            picture.height, " rows cannot stand side by side");
    width += gap + picture.width;
  }
  Image sheet(width, height, {255, 255, 255});
  int left = 0;
  for (const Image& picture : pictures) {
    for (int y = 0; y < height; ++y)
      std::copy_n(picture.at(0, y), 3 * picture.width, sheet.at(left, y));
    left += picture.width + gap;
  }
  return sheet;
}

Extremes extremes(std::span<const double> scores, std::size_t most) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (!std::isnan(scores[i])) order.push_back(i);
  const std::size_t worst = std::min(most, order.size() / 2);
  const std::size_t best = std::min(most, order.size() - worst);
  Extremes result;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  result.best.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(best));
  result.worst.assign(order.rbegin(), order.rbegin() + static_cast<std::ptrdiff_t>(worst));
  return result;
}

}  // namespace ofer
