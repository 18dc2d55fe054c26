// Plain text on pictures, in a small stroke font of the project's own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/image.h"

namespace ofer {

// The printable ASCII characters are drawn; any other (a whole UTF-8 sequence counts as one) shows
// as a question mark. Sizes are the height of a capital letter in pixels; small letters are 5/7 of
// it, and tails reach 2/7 below the baseline. 8 and more is legible.

// Width in pixels, from the first stroke's edge to the last one's.
float text_width(std::string_view text, float height);

// Draws with the left edge at `x` and the baseline at `y`.
void draw_text(Image& image, float x, float y, std::string_view text, float height, Colour colour);

// The text, or as much of its beginning as fits in `width` with "..." behind it.
std::string fit_text(std::string_view text, float height, float width);

// The text in lines of at most `width`, broken at spaces; at most `most` lines, the last of them
// shortened where there is more. A word that is too long for a line is shortened.
std::vector<std::string> wrap_text(std::string_view text, float height, float width, int most);

}  // namespace ofer
