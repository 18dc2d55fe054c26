// What an encoded picture says about itself, read before anything is decoded.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ofer {

enum class ImageFormat { kJpeg, kPng, kBmp };

const char* name_of(ImageFormat format);

struct ImageHeader {
  ImageFormat format;
  std::int64_t width, height;  // at least 1 each, as stored, before the orientation is applied
  int bits_per_channel;        // 8, or 16 for a PNG of that depth
  int orientation;             // EXIF's, 1..8
};

// Recognises JPEG, PNG and BMP by their first bytes, walks the file's outer structure to its end
// and gives what the header declares. Nothing is decoded and no memory is taken, so a file that
// declares a huge picture is harmless here. `name` starts every message.
// Throws kBadFile for an empty file, another format (named where it is a common one), a file that
// ends before its picture does, a picture over kMaxPixels (engine/image.h) or with no pixels, and,
// in a PNG, a wrong checksum.
ImageHeader read_image_header(std::span<const std::uint8_t> bytes, std::string_view name);

}  // namespace ofer
