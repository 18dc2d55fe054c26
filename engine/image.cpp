#include "engine/image.h"

#include <algorithm>
#include <utility>

#include "engine/error.h"

namespace ofer {

Image::Image(int w, int h, Colour fill) : width(w), height(h) {
  require(w > 0 && h > 0, ErrorCode::kBadArgument, "a picture of ", w, " x ", h,
          " pixels: both sides must be at least 1");
  require(std::int64_t{w} * h <= kMaxPixels, ErrorCode::kBadArgument, "a picture of ", w, " x ", h,
          " pixels is over the limit of ", kMaxPixels, " pixels");
  pixels.resize(3 * static_cast<std::size_t>(w) * static_cast<std::size_t>(h));
  if (fill == Colour{}) return;
  for (std::size_t i = 0; i < pixels.size(); i += 3) {
    pixels[i] = fill.red;
    pixels[i + 1] = fill.green;
    pixels[i + 2] = fill.blue;
  }
}

ImageView::ImageView(const Image& image)
    : width(image.width),
      height(image.height),
      red(reinterpret_cast<const std::byte*>(image.pixels.data())),
      green(red + 1),
      blue(red + 2),
      pixel_step(3),
      row_step(3 * static_cast<std::ptrdiff_t>(image.width)) {
  if (image.empty()) red = green = blue = nullptr;
}

Image crop(const Image& image, int x, int y, int width, int height) {
  require(x >= 0 && y >= 0 && width > 0 && height > 0 && width <= image.width - x &&
              height <= image.height - y,
          ErrorCode::kBadArgument, "the part ", width, " x ", height, " at (", x, ", ", y,
          ") does not lie inside a picture of ", image.width, " x ", image.height);
  Image result(width, height);
  for (int row = 0; row < height; ++row)
    std::copy_n(image.at(x, y + row), 3 * static_cast<std::size_t>(width), result.at(0, row));
  return result;
}

Image upright(Image image, int orientation) {
  require(orientation >= 1 && orientation <= 8, ErrorCode::kBadArgument, "orientation ",
          orientation, ": EXIF knows 1 to 8");
  if (orientation == 1 || image.empty()) return image;

  // The pixel (x, y) of the result comes from (x or its mirror, y or its mirror) of the source,
  // for 5 to 8 with the two exchanged first.
  const bool exchange = orientation >= 5;
  const bool mirror_x =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool mirror_y =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const int w = image.width, h = image.height;
  Image result(exchange ? h : w, exchange ? w : h);
  for (int y = 0; y < result.height; ++y) {
    std::uint8_t* out = result.at(0, y);
    for (int x = 0; x < result.width; ++x, out += 3) {
      int source_x = exchange ? y : x, source_y = exchange ? x : y;
      if (mirror_x) source_x = w - 1 - source_x;
      if (mirror_y) source_y = h - 1 - source_y;
      std::copy_n(image.at(source_x, source_y), 3, out);
    }
  }
  return result;
}

}  // namespace ofer
