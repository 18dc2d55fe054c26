// Text for places of a fixed width: UTF-8 characters, the columns they take, shortening.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ofer {

// One UTF-8 character: its length in bytes and its number.
struct Character {
  std::size_t length = 0;
  char32_t code = 0;
};

// The character at the start of `text`, which must not be empty. Length 0 when the bytes are not
// UTF-8 (overlong forms and surrogates included).
Character character_at(std::string_view text);

// Text from outside (file names) made fit for one line of a terminal: control characters and bytes
// that are not UTF-8 become \xNN.
std::string one_line(std::string_view text);

// Columns that UTF-8 text takes on a terminal: 2 for wide East Asian characters, 0 for combining
// marks.
int display_width(std::string_view text);

// Shortens to at most `width` columns, keeping the end ("...name.png"), and fills up with spaces.
std::string fit_left(std::string_view text, int width);

// The same, keeping the start ("cut-outs, bl...").
std::string fit_start(std::string_view text, int width);

// Filled up with spaces before the text, to `width` columns; never shortened.
std::string fill_before(std::string_view text, int width);

}  // namespace ofer
