// Pictures from and to files: JPEG, PNG and BMP are read, PNG is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/image.h"

namespace ofer {

// A picture file may have at most this many bytes.
inline constexpr std::int64_t kMaxImageFileBytes = std::int64_t{1} << 30;

// Reads a picture and gives it as 8-bit RGB, standing upright (EXIF orientation of a JPEG or PNG).
// Grey becomes three equal channels, a palette is resolved, CMYK is converted without a profile,
// 16-bit values are rounded to 8 bits, and transparent pixels are laid over white. Colour profiles
// and gamma are not applied.
// Errors are one line that starts with the file's name. kIo: missing, unreadable, a directory.
// kBadFile: empty, not a JPEG, PNG or BMP, cut short, damaged, or larger than kMaxPixels or
// kMaxImageFileBytes (both refused before memory is taken). kOutOfMemory.
// May be called from several threads at once.
Image load_image(const std::filesystem::path& path);

// The same from bytes in memory; `name` is what messages call them.
Image decode_image(std::span<const std::uint8_t> bytes, std::string_view name);

// A picture and how much of it there is: width x height opacities, 0 (nothing) to 255.
struct ImageWithAlpha {
  Image image;
  std::vector<std::uint8_t> alpha;
};

// The same with the transparency kept: colours are those of the file, whatever their opacity. A
// file without transparency is opaque.
ImageWithAlpha load_image_with_alpha(const std::filesystem::path& path);
ImageWithAlpha decode_image_with_alpha(std::span<const std::uint8_t> bytes, std::string_view name);

// The picture as a PNG file, 8-bit RGB, the same bytes every time. Throws kBadArgument when it is
// empty or its sides and pixels do not fit together, kOutOfMemory.
std::vector<std::uint8_t> encode_png(const Image& image);

// Writes encode_png(image) to `path`, whole or not at all (engine/atomic_file.h). Throws kIo with
// path and cause where the folder is missing or cannot be written.
void save_png(const Image& image, const std::filesystem::path& path);

}  // namespace ofer
