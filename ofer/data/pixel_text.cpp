#include "ofer/data/pixel_text.h"

namespace ofer {

bool parse_pixel_text(std::string_view text, std::span<std::uint8_t, kPixelTextValues> values) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    unsigned value = 0;
    const std::size_t first = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      value = 10 * value + static_cast<unsigned>(text[at] - '0');
      if (value > 255) return false;
    }
    if (at == first || count == values.size()) return false;
    values[count++] = static_cast<std::uint8_t>(value);
  }
  return count == values.size();
}

}  // namespace ofer
