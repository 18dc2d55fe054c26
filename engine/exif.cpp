#include "engine/exif.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace ofer {

namespace {

constexpr int kUpright = 1;
constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::uint32_t kShort = 3, kLong = 4;
constexpr std::size_t kEntryBytes = 12;

// Unsigned numbers of a TIFF block in its own byte order; the caller has checked the bounds.
struct TiffReader {
  std::span<const std::uint8_t> bytes;
  bool big_endian;

  std::uint32_t u16(std::size_t at) const {
    return big_endian ? static_cast<std::uint32_t>(bytes[at] << 8 | bytes[at + 1])
                      : static_cast<std::uint32_t>(bytes[at + 1] << 8 | bytes[at]);
  }
  std::uint32_t u32(std::size_t at) const {
    return big_endian ? u16(at) << 16 | u16(at + 2) : u16(at + 2) << 16 | u16(at);
  }
};

}  // namespace

// Grammar: byte order ("II" or "MM"), u16 42, u32 offset of the first directory. A directory is a
// u16 count and that many entries: u16 tag, u16 type, u32 number of values, 4 bytes that hold the
// values where they fit (a short stands in the first two).
int tiff_orientation(std::span<const std::uint8_t> tiff) noexcept {
  if (tiff.size() < 8) return kUpright;
  const bool little = tiff[0] == 'I' && tiff[1] == 'I', big = tiff[0] == 'M' && tiff[1] == 'M';
  if (!little && !big) return kUpright;
  const TiffReader reader{tiff, big};
  if (reader.u16(2) != 42) return kUpright;

  const std::size_t directory = reader.u32(4);
  if (directory > tiff.size() - 2) return kUpright;
  const std::size_t room = (tiff.size() - 2 - directory) / kEntryBytes;
  const std::size_t count = std::min<std::size_t>(reader.u16(directory), room);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t entry = directory + 2 + i * kEntryBytes;
    if (reader.u16(entry) != kOrientationTag) continue;
    const std::uint32_t type = reader.u16(entry + 2), values = reader.u32(entry + 4);
    if (values != 1 || (type != kShort && type != kLong)) return kUpright;
    const std::uint32_t value = type == kShort ? reader.u16(entry + 8) : reader.u32(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : kUpright;
  }
  return kUpright;
}

int app1_orientation(std::span<const std::uint8_t> segment) noexcept {
  constexpr std::array<std::uint8_t, 6> kName = {'E', 'x', 'i', 'f', 0, 0};
  if (segment.size() < kName.size() || !std::equal(kName.begin(), kName.end(), segment.begin()))
    return 0;
  return tiff_orientation(segment.subspan(kName.size()));
}

}  // namespace ofer
