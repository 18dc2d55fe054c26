#include "tools/pictures.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/error.h"
#include "engine/resize_filter.h"
#include "ofer/data/edges.h"
#include "ofer/data/patch_grid.h"
#include "tools/colour_ramp.h"
#include "tools/draw.h"

namespace ofer {

namespace {

constexpr Colour kCoveredDark{22, 46, 92}, kCoveredLight{120, 160, 214}, kOutline{236, 243, 252};

void check_grid(int rows, int columns) {
  require(rows > 0 && columns > 0, ErrorCode::kBadArgument, "a grid of ", rows, " x ", columns,
          " patches; both must be at least 1");
}

std::uint8_t grey_of(const std::uint8_t* pixel) {
  return static_cast<std::uint8_t>((299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2] + 500) / 1000);
}

// A map of rows x columns at height x width, bilinear with half-pixel centres.
std::vector<float> enlarge(const float* map, int rows, int columns, int width, int height) {
  const ResizeFilter across = resize_filter(columns, width), down = resize_filter(rows, height);
  std::vector<float> result(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  std::vector<float> row(static_cast<std::size_t>(columns));
  for (int y = 0; y < height; ++y) {
    std::fill(row.begin(), row.end(), 0.0f);
    for (int k = 0; k < down.count[y]; ++k)
      for (int x = 0; x < columns; ++x) {
        const float value = map[static_cast<std::size_t>(down.first[y] + k) * columns + x];
        const float inside = value > 0 ? std::min(value, 1.0f) : 0.0f;
        row[x] += down.weights[static_cast<std::size_t>(y) * down.taps + k] * inside;
      }
    for (int x = 0; x < width; ++x)
      for (int k = 0; k < across.count[x]; ++k)
        result[static_cast<std::size_t>(y) * width + x] +=
            across.weights[static_cast<std::size_t>(x) * across.taps + k] *
            row[across.first[x] + k];
  }
  return result;
}

}  // namespace

Image draw_mask_overlay(const Image& face, int rows, int columns, const std::uint8_t* occluded) {
  require(!face.empty(), ErrorCode::kBadArgument, "no mask can be drawn on an empty picture");
  check_grid(rows, columns);
  const int w = face.width, h = face.height;
  const auto covered = [&](int r, int c) {
    return r >= 0 && c >= 0 && r < rows && c < columns &&
           occluded[static_cast<std::size_t>(r) * columns + c] != 0;
  };

  Image image = face;
  const float period = std::max(6.0f, static_cast<float>(std::min(w, h)) / 28);
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x) {
      if (!covered(patch_of(y, rows, h), patch_of(x, columns, w))) continue;
      std::uint8_t* pixel = image.at(x, y);
      const std::uint8_t grey = grey_of(pixel);
      const Colour plain = mix(Colour{grey, grey, grey}, kCoveredDark, 0.62f);
      // Stripes at 45 degrees, a third of the period wide, with edges of one pixel.
      const float across = static_cast<float>(x + y) * 0.70711f;
      const float inside = std::fabs(std::remainder(across, period)) - period / 6;
      const Colour colour = mix(plain, kCoveredLight, 0.55f * edge_share(inside));
      pixel[0] = colour.red, pixel[1] = colour.green, pixel[2] = colour.blue;
    }

  // Patch borders: strong where covered meets free, else faint, and none where patches are tiny.
  const float patch_width = static_cast<float>(w) / static_cast<float>(columns);
  const float patch_height = static_cast<float>(h) / static_cast<float>(rows);
  const bool grid = std::min(patch_width, patch_height) >= 6;
  const float line = std::max(1.6f, static_cast<float>(std::min(w, h)) / 140);
  for (int pass = 0; pass < 2; ++pass)  // the grid first, the outline over it
    for (int r = 0; r <= rows; ++r)
      for (int c = 0; c <= columns; ++c) {
        const float x = static_cast<float>(c) * patch_width,
                    y = static_cast<float>(r) * patch_height;
        // A side's two ends, and the rectangle of its grid line: vertical ones hold the crossings.
        const auto side = [&](bool edge, bool inner, float x1, float y1, float left, float top,
                              float right, float bottom) {
          if (pass == 1 && edge) draw_line(image, x, y, x1, y1, line, kOutline, 0.95f);
          if (pass == 0 && !edge && inner && grid)
            fill_rectangle(image, left, top, right, bottom, {255, 255, 255}, 0.2f);
        };
        const float x1 = x + patch_width, y1 = y + patch_height;
        if (c < columns)
          side(covered(r - 1, c) != covered(r, c), r > 0 && r < rows, x1, y, x + 0.5f, y - 0.5f,
               x1 - 0.5f, y + 0.5f);
        if (r < rows)
          side(covered(r, c - 1) != covered(r, c), c > 0 && c < columns, x, y1, x - 0.5f, y - 0.5f,
               x + 0.5f, y1 - 0.5f);
      }
  return image;
}

Image draw_heat_overlay(const Image& face, const float* map, int rows, int columns) {
  require(!face.empty(), ErrorCode::kBadArgument, "no map can be drawn on an empty picture");
  check_grid(rows, columns);
  const std::vector<float> values = enlarge(map, rows, columns, face.width, face.height);
  Image image = face;
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint8_t* pixel = image.pixels.data() + 3 * i;
    // Half grey, so that the colours seen are the map's and not the skin's.
    const std::uint8_t grey = grey_of(pixel);
    const Colour pale = mix(Colour{pixel[0], pixel[1], pixel[2]}, Colour{grey, grey, grey}, 0.6f);
    const Colour colour = mix(pale, ramp_colour(values[i]), 0.42f + 0.26f * values[i]);
    pixel[0] = colour.red, pixel[1] = colour.green, pixel[2] = colour.blue;
  }
  return image;
}

Image draw_heat_map(const float* map, int rows, int columns, int width, int height) {
  check_grid(rows, columns);
  Image image(width, height);
  const std::vector<float> values = enlarge(map, rows, columns, width, height);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Colour colour = ramp_colour(values[i]);
    image.pixels[3 * i] = colour.red;
    image.pixels[3 * i + 1] = colour.green;
    image.pixels[3 * i + 2] = colour.blue;
  }
  return image;
}

}  // namespace ofer
