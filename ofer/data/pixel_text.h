// FER-2013's pictures: 48 x 48 grey values as decimal text.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ofer {

inline constexpr int kPixelTextSide = 48;
inline constexpr std::size_t kPixelTextValues = std::size_t{kPixelTextSide} * kPixelTextSide;

// Exactly kPixelTextValues numbers 0..255 with spaces between them, into `values`. False for
// anything else; `values` then holds no picture.
bool parse_pixel_text(std::string_view text, std::span<std::uint8_t, kPixelTextValues> values);

}  // namespace ofer
