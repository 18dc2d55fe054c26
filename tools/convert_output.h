// What a conversion did, as text or JSON.
#pragma once

#include <string>

#include "tools/console.h"
#include "weights/convert.h"

namespace ofer {

// The file has been written.
void print_conversion_text(const Conversion& conversion, const std::string& path, DType dtype,
                           Console& console);
void print_conversion_json(const Conversion& conversion, const std::string& path, DType dtype,
                           Console& console);

// What kept it from being written, a line each, on standard error.
void print_problems(const ConvertProblems& problems, Console& console);

}  // namespace ofer
