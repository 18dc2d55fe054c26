// Numbers in texts that a user wrote.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace ofer {

// A whole number and nothing behind it.
inline std::optional<int> number_in(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace ofer
