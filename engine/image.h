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

// A picture in memory of somebody else's: three channels, each a base and steps in bytes. Says how
// interleaved and planar pictures lie, in any order of colours, grey ones (all bases the same),
// padded rows and, with a negative step, pictures whose bottom row comes first. Never owns.
struct ImageView {
  enum class Type : std::uint8_t { kU8, kF32 };  // 0..255, or 0..1; floats need no alignment

  Type type = Type::kU8;
  int width = 0, height = 0;
  // Of the top left pixel.
  const std::byte* red = nullptr;
  const std::byte* green = nullptr;
  const std::byte* blue = nullptr;
  std::ptrdiff_t pixel_step = 0, row_step = 0;

  ImageView() = default;
  ImageView(const Image& image);  // valid as long as the image's pixels

  bool empty() const { return width < 1 || height < 1 || !red || !green || !blue; }
};

// The part [x, x + width) x [y, y + height), which must lie inside. Throws kBadArgument.
Image crop(const Image& image, int x, int y, int width, int height);

// Turns a picture as EXIF's orientation 1..8 asks, so that it stands upright. 5 to 8 exchange
// width and height. Throws kBadArgument for another number.
Image upright(Image image, int orientation);

}  // namespace ofer
