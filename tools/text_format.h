// Numbers as text, by printf's patterns.
#pragma once

#include <cstdio>
#include <string>

namespace ofer {

// At most 95 characters.
template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[96];
  std::snprintf(text, sizeof(text), pattern, values...);
  return text;
}

}  // namespace ofer
