// What went wrong, as text that a test can look into.
#pragma once

#include <string>

#include "engine/error.h"

namespace ofer::test {

// "code: message" of the ofer::Error that `action` throws, "" when it throws nothing. Any other
// exception goes through, and fails the test. So does a message of more than one line.
template <class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    const std::string text = std::string(error_code_name(error.code())) + ": " + error.what();
    return text.find('\n') == text.npos ? text : "message of several lines: " + text;
  }
  return "";
}

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

}  // namespace ofer::test
