#include "ofer/eval/html_text.h"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <span>

#include "engine/image_io.h"
#include "engine/terminal_text.h"

namespace ofer {

namespace {

std::string base64(std::span<const std::uint8_t> bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? bytes[i + k] : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const Character c = character_at(text);
    const std::size_t length = std::max<std::size_t>(c.length, 1);
    const bool space = c.code == '\t' || c.code == '\n' || c.code == '\r';
    if (c.length == 0 || (c.code < 0x20 && !space) || (c.code >= 0x7F && c.code < 0xA0) ||
        c.code == 0xFFFE || c.code == 0xFFFF) {
      result += "\xEF\xBF\xBD";
    } else {
      switch (c.code) {
        case '&':
          result += "&amp;";
          break;
        case '<':
          result += "&lt;";
          break;
        case '>':
          result += "&gt;";
          break;
        case '"':
          result += "&quot;";
          break;
        case '\'':
          result += "&#39;";
          break;
        default:
          result += text.substr(0, length);
      }
    }
    text.remove_prefix(length);
  }
  return result;
}

std::string html_number(double value) {
  const double tenths = std::round(value * 10);
  if (tenths == 0) return "0";
  char text[32];
  std::snprintf(text, sizeof(text), "%.15g", tenths / 10);
  return text;
}

std::string png_data_uri(const Image& image) {
  return "data:image/png;base64," + base64(encode_png(image));
}

}  // namespace ofer
