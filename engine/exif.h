// EXIF: which way up a picture is. Nothing else of it is read.
#pragma once

#include <cstdint>
#include <span>

namespace ofer {

// The orientation (tag 0x0112 of the first directory) in a TIFF block, the form EXIF has in a
// PNG's eXIf chunk. 1 (upright) when it is not there or the block is damaged. The bytes may be
// hostile: nothing outside `tiff` is read, the time is linear in its size, and nothing is thrown.
int tiff_orientation(std::span<const std::uint8_t> tiff) noexcept;

// The same for the content of a JPEG's APP1 segment (without marker and length). 0 when the
// segment is not EXIF (APP1 also carries XMP), so that the caller looks at the next one.
int app1_orientation(std::span<const std::uint8_t> segment) noexcept;

}  // namespace ofer
