#include "engine/image_format.h"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "engine/error.h"
#include "engine/exif.h"
#include "engine/image.h"

namespace ofer {

namespace {

using Bytes = std::span<const std::uint8_t>;

std::uint32_t big16(Bytes b, std::size_t at) {
  return static_cast<std::uint32_t>(b[at] << 8 | b[at + 1]);
}
std::uint32_t big32(Bytes b, std::size_t at) {
  return big16(b, at) << 16 | big16(b, at + 2);
}
std::uint32_t little16(Bytes b, std::size_t at) {
  return static_cast<std::uint32_t>(b[at + 1] << 8 | b[at]);
}
std::uint32_t little32(Bytes b, std::size_t at) {
  return little16(b, at + 2) << 16 | little16(b, at);
}

bool has(Bytes bytes, std::size_t at, std::string_view text) {
  return bytes.size() >= at + text.size() &&
         std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

[[noreturn]] void truncated(std::string_view name, const char* format) {
  fail(ErrorCode::kBadFile, name, ": the ", format,
       " file is cut short; it ends before its picture");
}

// Both sides come from 32-bit fields, so that their product fits in 64 bits.
void check_size(const ImageHeader& header, std::string_view name) {
  require(header.width > 0 && header.height > 0, ErrorCode::kBadFile, name, ": the ",
          name_of(header.format), " file is damaged: it declares ", header.width, " x ",
          header.height, " pixels");
  require(header.height <= kMaxPixels / header.width, ErrorCode::kBadFile, name, ": declares ",
          header.width, " x ", header.height, " pixels; the limit is ", kMaxPixels,
          " pixels, make it smaller first");
}

// Polynomial 0xEDB88320, the checksum of PNG chunks.
constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) ? 0xEDB88320u ^ (value >> 1) : value >> 1;
    table[i] = value;
  }
  return table;
}

std::uint32_t crc32(Bytes bytes) {
  static constexpr std::array<std::uint32_t, 256> kTable = make_crc_table();
  std::uint32_t crc = ~0u;
  for (std::uint8_t byte : bytes) crc = kTable[(crc ^ byte) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

// Grammar: an 8-byte signature, then chunks: u32 length, 4 letters, `length` bytes, u32 checksum of
// letters and bytes. IHDR comes first, IEND last; a letter in lower case first = may be skipped.
ImageHeader png_header(Bytes bytes, std::string_view name) {
  ImageHeader header{ImageFormat::kPng, 0, 0, 8, 1};
  bool data = false;
  for (std::size_t at = 8;;) {
    if (bytes.size() - at < 12) truncated(name, "PNG");
    const std::size_t length = big32(bytes, at);
    if (length > bytes.size() - at - 12) truncated(name, "PNG");
    const Bytes content = bytes.subspan(at + 8, length);
    const bool needed = (bytes[at + 4] & 0x20) == 0;
    const bool intact = big32(bytes, at + 8 + length) == crc32(bytes.subspan(at + 4, 4 + length));
    require(intact || !needed, ErrorCode::kBadFile, name,
            ": the PNG file is damaged: a checksum is wrong at byte ", at);
    if (at == 8) {
      require(!has(bytes, at + 4, "CgBI"), ErrorCode::kBadFile, name,
              ": a PNG in Apple's own CgBI form, which is not standard PNG; save it again as PNG");
      require(has(bytes, at + 4, "IHDR") && length == 13, ErrorCode::kBadFile, name,
              ": the PNG file is damaged: it does not start with its header");
      header.width = big32(content, 0);
      header.height = big32(content, 4);
      header.bits_per_channel = content[8] == 16 ? 16 : 8;
      check_size(header, name);
    }
    if (has(bytes, at + 4, "IDAT")) data = true;
    if (has(bytes, at + 4, "eXIf") && intact) header.orientation = tiff_orientation(content);
    if (has(bytes, at + 4, "IEND")) break;
    at += 12 + length;
  }
  require(data, ErrorCode::kBadFile, name, ": the PNG file holds no picture data");
  return header;
}

// A DHT segment: tables of u8 kind, 16 counts, as many symbols as the counts add up to. A table of
// more than 256 symbols would overrun the decoder's memory (stb_image before 2.28 does not look).
bool valid_huffman_tables(Bytes content) {
  while (!content.empty()) {
    if (content.size() < 17) return false;
    std::size_t symbols = 0;
    for (std::size_t i = 1; i <= 16; ++i) symbols += content[i];
    if (symbols > 256 || symbols > content.size() - 17) return false;
    content = content.subspan(17 + symbols);
  }
  return true;
}

bool starts_frame(std::uint8_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

// Grammar: markers FF xx (any number of FF may go before). 01 and D0..D8 stand alone, D9 ends the
// picture, all others open a segment: u16 length (itself included), content. Behind a DA segment
// comes coded data up to the next marker, in which FF 00 is data and D0..D7 may occur.
ImageHeader jpeg_header(Bytes bytes, std::string_view name) {
  ImageHeader header{ImageFormat::kJpeg, 0, 0, 8, 1};
  bool frame = false, scan = false, exif = false;
  std::size_t at = 2;
  for (;;) {
    const void* found =
        at < bytes.size() ? std::memchr(bytes.data() + at, 0xFF, bytes.size() - at) : nullptr;
    if (!found) truncated(name, "JPEG");
    at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data());
    while (at < bytes.size() && bytes[at] == 0xFF) ++at;
    if (at == bytes.size()) truncated(name, "JPEG");
    const std::uint8_t marker = bytes[at++];
    if (marker == 0xD9) break;
    if (marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD8)) continue;

    if (bytes.size() - at < 2) truncated(name, "JPEG");
    const std::size_t length = big16(bytes, at);
    require(length >= 2, ErrorCode::kBadFile, name,
            ": the JPEG file is damaged: a segment of length ", length, " at byte ", at);
    if (length > bytes.size() - at) truncated(name, "JPEG");
    const Bytes content = bytes.subspan(at + 2, length - 2);
    at += length;
    if (starts_frame(marker) && !frame) {
      require(
          marker <= 0xC2, ErrorCode::kBadFile, name,
          ": a JPEG of a rare kind (lossless, hierarchical or arithmetic coding); save it again "
          "as a usual JPEG or as PNG");
      require(content.size() >= 6, ErrorCode::kBadFile, name,
              ": the JPEG file is damaged: its frame header is too short");
      require(content[0] == 8, ErrorCode::kBadFile, name, ": a JPEG of ", int{content[0]},
              " bits; only 8 are supported, save it again as PNG");
      header.height = big16(content, 1);
      header.width = big16(content, 3);
      check_size(header, name);
      frame = true;
    } else if (marker == 0xC4) {
      require(valid_huffman_tables(content), ErrorCode::kBadFile, name,
              ": the JPEG file is damaged: a Huffman table has too many symbols");
    } else if (marker == 0xDA) {
      scan = true;
    } else if (marker == 0xE1 && !exif) {
      const int orientation = app1_orientation(content);
      exif = orientation != 0;
      if (exif) header.orientation = orientation;
    }
  }
  require(frame && scan, ErrorCode::kBadFile, name, ": the JPEG file holds no picture data");
  return header;
}

// Grammar: "BM", u32 file size, u32 0, u32 where the pixels start; then an information block that
// opens with its size: 12 (u16 width, height, 1, bits) or 40 and more (i32 width, i32 height with
// a minus for top row first, u16 1, u16 bits, u32 compression). Rows are padded to 4 bytes.
ImageHeader bmp_header(Bytes bytes, std::string_view name) {
  if (bytes.size() < 26) truncated(name, "BMP");
  const std::uint32_t start = little32(bytes, 10), info = little32(bytes, 14);
  ImageHeader header{ImageFormat::kBmp, 0, 0, 8, 1};
  std::uint32_t bits = 0;
  if (info == 12) {
    header.width = little16(bytes, 18);
    header.height = little16(bytes, 20);
    bits = little16(bytes, 24);
  } else {
    require(info == 40 || info == 56 || info == 108 || info == 124, ErrorCode::kBadFile, name,
            ": a BMP of an unknown kind (information block of ", info, " bytes)");
    if (bytes.size() < std::size_t{14} + info) truncated(name, "BMP");
    header.width = static_cast<std::int32_t>(little32(bytes, 18));
    header.height = std::abs(std::int64_t{static_cast<std::int32_t>(little32(bytes, 22))});
    bits = little16(bytes, 28);
    const std::uint32_t compression = little32(bytes, 30);
    require(compression == 0 || compression == 3, ErrorCode::kBadFile, name,
            ": a compressed BMP (kind ", compression, "); save it again as PNG");
  }
  require(bits >= 1 && bits <= 32, ErrorCode::kBadFile, name, ": the BMP file is damaged: ", bits,
          " bits for each pixel");
  // width < 2^31 and bits <= 32, so the row fits in 64 bits; the whole is compared by a division.
  const std::int64_t row = (header.width * bits + 31) / 32 * 4;
  const std::int64_t room = static_cast<std::int64_t>(bytes.size()) - start;
  check_size(header, name);
  if (room < 0 || room / row < header.height) truncated(name, "BMP");
  return header;
}

// Formats that people have and this reader has not, so that the message can say which one it is.
const char* known_stranger(Bytes bytes) {
  if (has(bytes, 0, "GIF8")) return "GIF";
  if (has(bytes, 0, "RIFF") && has(bytes, 8, "WEBP")) return "WebP";
  if (has(bytes, 0, "II*") || has(bytes, 0, "MM")) return "TIFF";
  if (has(bytes, 4, "ftypavif")) return "AVIF";
  if (has(bytes, 4, "ftyphei") || has(bytes, 4, "ftypmif1")) return "HEIC";
  if (has(bytes, 4, "ftyp")) return "MP4 or QuickTime";
  if (has(bytes, 0, "%PDF")) return "PDF";
  if (has(bytes, 0, "8BPS")) return "Photoshop";
  return nullptr;
}

}  // namespace

const char* name_of(ImageFormat format) {
  switch (format) {
    case ImageFormat::kJpeg:
      return "JPEG";
    case ImageFormat::kPng:
      return "PNG";
    case ImageFormat::kBmp:
      return "BMP";
  }
  return "?";
}

ImageHeader read_image_header(Bytes bytes, std::string_view name) {
  require(!bytes.empty(), ErrorCode::kBadFile, name, ": the file is empty");
  if (has(bytes, 0, "\x89PNG\r\n\x1a\n")) return png_header(bytes, name);
  if (has(bytes, 0, "\xFF\xD8\xFF")) return jpeg_header(bytes, name);
  if (has(bytes, 0, "BM")) return bmp_header(bytes, name);
  const char* stranger = known_stranger(bytes);
  require(!stranger, ErrorCode::kBadFile, name, ": a file of the kind ", stranger ? stranger : "",
          "; JPEG, PNG and BMP pictures can be read");
  fail(ErrorCode::kBadFile, name, ": not a picture; JPEG, PNG and BMP can be read");
}

}  // namespace ofer
