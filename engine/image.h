// A picture in memory: 8-bit RGB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ofer {

// A picture may have at most this many pixels; larger ones are refused before memory is taken.
inline constexpr std::int64_t kMaxPixels = 100'000'000;

struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0;
  bool operator==(const Colour&) const = default;
};

// Interleaved rows, top row first: pixel (x, y) has its red, green and blue at
// pixels[3 * (y * width + x)]. The values are sRGB as they stand in the file; colour profiles are
// not applied. A plain value: copies are deep; several threads may read one, and one that is
// written is used by one thread only.
struct Image {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;

  Image() = default;
  // Filled with one colour. Throws kBadArgument when a side is below 1 or there are more than
  // kMaxPixels pixels.
  Image(int width, int height, Colour fill = {});

  bool empty() const { return pixels.empty(); }
  std::uint8_t* at(int x, int y) { return pixels.data() + offset(x, y); }
  const std::uint8_t* at(int x, int y) const { return pixels.data() + offset(x, y); }

  bool operator==(const Image&) const = default;

 private:
  std::size_t offset(int x, int y) const {
    return 3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                static_cast<std::size_t>(x));
  }
};

// The part [x, x + width) x [y, y + height), which must lie inside. Throws kBadArgument.
Image crop(const Image& image, int x, int y, int width, int height);

// Turns a picture as EXIF's orientation 1..8 asks, so that it stands upright. 5 to 8 exchange
// width and height. Throws kBadArgument for another number.
Image upright(Image image, int orientation);

}  // namespace ofer
