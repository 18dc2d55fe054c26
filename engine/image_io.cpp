#include "engine/image_io.h"

#include <stb_image.h>
#include <stb_image_write.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <memory>
#include <new>
#include <system_error>

#include "engine/atomic_file.h"
#include "engine/error.h"
#include "engine/image_format.h"
#include "engine/stb_memory.h"

namespace ofer {

namespace {

namespace fs = std::filesystem;

// A name from outside may hold line breaks and other control characters; a message is one line.
std::string printable(std::string_view name) {
  std::string result(name);
  for (char& c : result)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return result.empty() ? "(no name)" : result;
}

std::vector<std::uint8_t> read_file(const fs::path& path, const std::string& name) {
  std::error_code error;
  require(!fs::is_directory(path, error), ErrorCode::kIo, name, ": is a directory, not a picture");
  errno = 0;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) fail(ErrorCode::kIo, name, ": cannot open: ", std::generic_category().message(errno));
  // Where the size is known it is judged first; a pipe is read up to the limit.
  std::uintmax_t size = fs::is_regular_file(path, error) ? fs::file_size(path, error) : 0;
  if (error) size = 0;
  const auto check = [&](std::uintmax_t bytes) {
    require(bytes <= static_cast<std::uintmax_t>(kMaxImageFileBytes), ErrorCode::kBadFile, name,
            ": larger than the limit of ", kMaxImageFileBytes, " bytes");
  };
  check(size);
  std::vector<std::uint8_t> bytes;
  bytes.reserve(static_cast<std::size_t>(size) + 1);
  for (;;) {
    const std::size_t have = bytes.size();
    bytes.resize(std::max<std::size_t>(bytes.capacity(), have + (1u << 16)));
    const std::size_t got = std::fread(bytes.data() + have, 1, bytes.size() - have, file.get());
    bytes.resize(have + got);
    check(bytes.size());
    if (std::ferror(file.get()))
      fail(ErrorCode::kIo, name, ": cannot read: ", std::generic_category().message(errno));
    if (std::feof(file.get())) return bytes;
  }
}

// Samples of 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha) channels to 8-bit RGB, alpha laid
// over white: v * a + white * (1 - a), rounded once, from the source's own depth; or, not
// `over_white`, left out.
template <class Sample>
Image to_rgb(const Sample* samples, int width, int height, int channels, bool over_white) {
  constexpr std::uint64_t kWhite = std::numeric_limits<Sample>::max();
  const bool alpha = over_white && (channels == 2 || channels == 4);
  const int green = channels >= 3 ? 1 : 0, blue = channels >= 3 ? 2 : 0;
  Image image(width, height);
  std::uint8_t* out = image.pixels.data();
  const std::size_t count = image.pixels.size() / 3;
  for (std::size_t i = 0; i < count; ++i, samples += channels) {
    const std::uint64_t a = alpha ? samples[channels - 1] : kWhite;
    for (int place : {0, green, blue}) {
      const std::uint64_t mixed = samples[place] * a + kWhite * (kWhite - a);
      *out++ = static_cast<std::uint8_t>((mixed * 255 + kWhite * kWhite / 2) / (kWhite * kWhite));
    }
  }
  return image;
}

// The largest block that decoding an honest file of this size takes: its pixels as 16-bit RGBA with
// room for padding to whole JPEG blocks, twice where a buffer doubles; or twice the file.
std::size_t largest_block(const ImageHeader& header, std::size_t file_bytes) {
  const auto padded = static_cast<std::size_t>((header.width + 64) * (header.height + 64));
  return std::max(16 * padded, 2 * file_bytes) + (1u << 20);
}

// The alpha channel as three equal channels, so that it is turned like the picture.
template <class Sample>
Image alpha_of(const Sample* samples, int width, int height, int channels) {
  constexpr std::uint64_t kOpaque = std::numeric_limits<Sample>::max();
  const bool alpha = channels == 2 || channels == 4;
  Image image(width, height);
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    const std::uint64_t a = alpha ? samples[i / 3 * channels + channels - 1] : kOpaque;
    std::fill_n(image.pixels.begin() + static_cast<std::ptrdiff_t>(i), 3,
                static_cast<std::uint8_t>((a * 255 + kOpaque / 2) / kOpaque));
  }
  return image;
}

// With `alpha`, that is filled and the colours are not laid over white.
Image decode(std::span<const std::uint8_t> bytes, const std::string& name,
             std::vector<std::uint8_t>* alpha = nullptr) {
  require(static_cast<std::int64_t>(bytes.size()) <= kMaxImageFileBytes, ErrorCode::kBadFile, name,
          ": larger than the limit of ", kMaxImageFileBytes, " bytes");
  const ImageHeader header = read_image_header(bytes, name);

  StbMemory memory(largest_block(header, bytes.size()));
  int width = 0, height = 0, channels = 0;
  const int size = static_cast<int>(bytes.size());
  const void* samples =
      header.bits_per_channel == 16
          ? static_cast<const void*>(
                stbi_load_16_from_memory(bytes.data(), size, &width, &height, &channels, 0))
          : stbi_load_from_memory(bytes.data(), size, &width, &height, &channels, 0);
  if (!samples) {
    require(!memory.over_limit(), ErrorCode::kBadFile, name, ": the ", name_of(header.format),
            " file is damaged: its data are larger than the size it declares");
    require(!memory.exhausted(), ErrorCode::kOutOfMemory, name, ": not enough memory for ",
            header.width, " x ", header.height, " pixels");
    fail(ErrorCode::kBadFile, name, ": the ", name_of(header.format),
         " file is damaged or of a rare kind: ", stbi_failure_reason());
  }
  require(width == header.width && height == header.height, ErrorCode::kBadFile, name, ": the ",
          name_of(header.format), " file is damaged: it declares two different sizes");
  const auto convert = [&](const auto* values) {
    Image image = to_rgb(values, width, height, channels, alpha == nullptr);
    if (!alpha) return image;
    const Image turned = upright(alpha_of(values, width, height, channels), header.orientation);
    alpha->resize(turned.pixels.size() / 3);
    for (std::size_t i = 0; i < alpha->size(); ++i) (*alpha)[i] = turned.pixels[3 * i];
    return image;
  };
  return upright(header.bits_per_channel == 16 ? convert(static_cast<const std::uint16_t*>(samples))
                                               : convert(static_cast<const std::uint8_t*>(samples)),
                 header.orientation);
}

// What `action` gives for the name; memory that the system refuses becomes an error with that name.
template <class Action>
auto in_memory(const std::string& name, Action&& action) {
  try {
    return action(name);
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kOutOfMemory, name, ": not enough memory for this picture");
  }
}

// Called by stb with the whole file at once. Nothing is thrown through stb, which would lose
// memory; no bytes are left instead.
void append(void* context, void* data, int size) {
  auto& png = *static_cast<std::vector<std::uint8_t>*>(context);
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  try {
    png.insert(png.end(), bytes, bytes + size);
  } catch (const std::bad_alloc&) {
    png.clear();
  }
}

}  // namespace

Image decode_image(std::span<const std::uint8_t> bytes, std::string_view name) {
  return in_memory(printable(name), [&](const std::string& shown) { return decode(bytes, shown); });
}

Image load_image(const fs::path& path) {
  return in_memory(printable(path.string()),
                   [&](const std::string& name) { return decode(read_file(path, name), name); });
}

ImageWithAlpha decode_image_with_alpha(std::span<const std::uint8_t> bytes, std::string_view name) {
  return in_memory(printable(name), [&](const std::string& shown) {
    ImageWithAlpha result;
    result.image = decode(bytes, shown, &result.alpha);
    return result;
  });
}

ImageWithAlpha load_image_with_alpha(const fs::path& path) {
  return in_memory(printable(path.string()), [&](const std::string& name) {
    ImageWithAlpha result;
    result.image = decode(read_file(path, name), name, &result.alpha);
    return result;
  });
}

std::vector<std::uint8_t> encode_png(const Image& image) {
  require(!image.empty(), ErrorCode::kBadArgument, "an empty picture cannot be written");
  require(image.width > 0 && image.height > 0 &&
              std::int64_t{image.width} * image.height <= kMaxPixels &&
              image.pixels.size() == 3 * static_cast<std::size_t>(image.width) *
                                         static_cast<std::size_t>(image.height),
          ErrorCode::kBadArgument, "a picture of ", image.width, " x ", image.height, " with ",
          image.pixels.size(), " values instead of width x height x 3");
  std::vector<std::uint8_t> png;
  const int done = stbi_write_png_to_func(append, &png, image.width, image.height, 3,
                                          image.pixels.data(), 3 * image.width);
  require(done != 0 && !png.empty(), ErrorCode::kOutOfMemory,
          "not enough memory to write a picture of ", image.width, " x ", image.height);
  return png;
}

void save_png(const Image& image, const fs::path& path) {
  write_file_atomically(path, encode_png(image));
}

}  // namespace ofer
