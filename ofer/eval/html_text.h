// Pieces of HTML that are also well-formed XML.
#pragma once

#include <string>
#include <string_view>

#include "engine/image.h"

namespace ofer {

// Text for between tags and for attributes in double quotes: & < > " ' as entities, white space as
// it is, and U+FFFD for what XML cannot hold: other control characters, bytes that are not UTF-8,
// U+FFFE and U+FFFF.
std::string html_text(std::string_view text);

// A number for an attribute of a drawing: at most one digit behind the point, never "-0".
std::string html_number(double value);

// The picture as "data:image/png;base64,...".
std::string png_data_uri(const Image& image);

}  // namespace ofer
