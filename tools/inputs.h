// The pictures that a command line names: files, folders and standard input.
#pragma once

#include <istream>
#include <span>
#include <string>
#include <vector>

#include "engine/image.h"

namespace ofer {

// One picture to come, by name only.
struct InputFile {
  std::string path;     // as it was given, or folder/name; "-" for standard input
  std::string problem;  // why there is nothing to read, found while listing; else empty

  bool is_stream() const { return path == "-"; }
};

// What stands for `input` in messages.
std::string shown_name(const InputFile& input);

// Lists the inputs in the order given. A folder stands for its picture files (.png, .jpg, .jpeg,
// .jpe, .bmp, in any case), sorted by path, with those of its folders when `recursive`; links to
// folders are not followed there. A path that cannot be listed becomes an entry with a problem.
// Throws kBadArgument when "-" or an empty name is among them in a way that cannot work.
std::vector<InputFile> list_inputs(std::span<const std::string> arguments, bool recursive);

// Reads and decodes one input; `in` is standard input. Throws what load_image throws, its message
// beginning with shown_name(input).
Image read_input(const InputFile& input, std::istream& in);

}  // namespace ofer
