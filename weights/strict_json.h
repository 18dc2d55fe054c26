// JSON from files that nobody vouches for.
#pragma once

#include <string>
#include <string_view>

#include "weights/json_value.h"

namespace ofer {

// Parses one JSON document. Beyond the grammar it refuses what a parser may silently repair:
// a key that comes twice in one object, nesting deeper than 16, text behind the document, bytes
// that are not UTF-8, and texts above 1 MiB. Throws kBadArgument, one line that begins with `what`.
JsonValue parse_strict_json(std::string_view text, std::string_view what);

// A string from a file made fit for one line of an error message: in quotes, control characters
// as \xNN, cut behind 80 bytes.
std::string printable(std::string_view text);

}  // namespace ofer
