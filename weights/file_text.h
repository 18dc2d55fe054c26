// Names in files that nobody vouches for.
#pragma once

#include <string_view>

namespace ofer {

// Is it UTF-8 (no surrogates, no overlong forms), not empty, without control characters?
bool is_plain_text(std::string_view text);

}  // namespace ofer
