#include "engine/terminal_text.h"

#include <algorithm>
#include <cstdio>

namespace ofer {

namespace {

int columns_of(char32_t c) {
  if ((c >= 0x300 && c < 0x370) || c == 0x200B || (c >= 0x20D0 && c < 0x2100) ||
      (c >= 0xFE00 && c <= 0xFE0F))
    return 0;
  const bool wide = (c >= 0x1100 && c < 0x1160) || (c >= 0x2E80 && c < 0xA4D0) ||
                    (c >= 0xAC00 && c < 0xD7A4) || (c >= 0xF900 && c < 0xFB00) ||
                    (c >= 0xFE30 && c < 0xFE70) || (c >= 0xFF00 && c < 0xFF61) ||
                    (c >= 0x1F300 && c < 0x1F650) || (c >= 0x1F900 && c < 0x1FA00) ||
                    (c >= 0x20000 && c < 0x40000);
  return wide ? 2 : 1;
}

}  // namespace

Character character_at(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {1, first};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (length == 0 || first > 0xF4 || text.size() < length) return {};
  char32_t code = first & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3F);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF) return {};
  return {length, code};
}

std::string one_line(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const Character c = character_at(text);
    const bool control = c.code < 0x20 || (c.code >= 0x7F && c.code < 0xA0);
    if (c.length > 0 && !control) {
      result += text.substr(0, c.length);
    } else {
      for (std::size_t i = 0; i < std::max<std::size_t>(c.length, 1); ++i) {
        char escaped[5];
        std::snprintf(escaped, sizeof(escaped), "\\x%02X", static_cast<unsigned char>(text[i]));
        result += escaped;
      }
    }
    text.remove_prefix(std::max<std::size_t>(c.length, 1));
  }
  return result;
}

int display_width(std::string_view text) {
  int columns = 0;
  while (!text.empty()) {
    const Character c = character_at(text);
    columns += c.length > 0 ? columns_of(c.code) : 1;
    text.remove_prefix(std::max<std::size_t>(c.length, 1));
  }
  return columns;
}

std::string fit_left(std::string_view text, int width) {
  std::string result(text);
  int columns = display_width(text);
  if (columns > width) {
    while (!text.empty() && columns > std::max(width - 3, 0)) {
      const std::size_t length = std::max<std::size_t>(character_at(text).length, 1);
      columns -= display_width(text.substr(0, length));
      text.remove_prefix(length);
    }
    result = std::string(static_cast<std::size_t>(std::clamp(width, 0, 3)), '.');
    result += text;
    columns += std::clamp(width, 0, 3);
  }
  if (columns < width) result.append(static_cast<std::size_t>(width - columns), ' ');
  return result;
}

std::string fit_start(std::string_view text, int width) {
  int columns = display_width(text);
  std::string result(text);
  if (columns > width) {
    result.clear();
    columns = 0;
    const int dots = std::clamp(width, 0, 3);
    while (!text.empty()) {
      const std::size_t length = std::max<std::size_t>(character_at(text).length, 1);
      const int more = display_width(text.substr(0, length));
      if (columns + more > width - dots) break;
      columns += more;
      result += text.substr(0, length);
      text.remove_prefix(length);
    }
    result.append(static_cast<std::size_t>(dots), '.');
    columns += dots;
  }
  if (columns < width) result.append(static_cast<std::size_t>(width - columns), ' ');
  return result;
}

std::string fill_before(std::string_view text, int width) {
  const int missing = std::max(width - display_width(text), 0);
  return std::string(static_cast<std::size_t>(missing), ' ').append(text);
}

}  // namespace ofer
