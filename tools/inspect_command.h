// `ofer inspect`: what a weight file, or any safetensors file, holds; and how two of them differ.
#pragma once

#include <string>
#include <vector>

#include "tools/console.h"

namespace CLI {
class App;
}

namespace ofer {

struct InspectOptions {
  std::vector<std::string> files;  // one or two
  bool json = false, table = false;
};

// Adds the command to `app`; parsing fills `options`, which must live as long.
CLI::App* add_inspect_command(CLI::App& app, InspectOptions& options);

// Prints text on a terminal, else one JSON object. Throws ofer::Error for a file that cannot be
// read as safetensors; else gives the exit code: 0, or 1 where a checksum is wrong, metadata claim
// a weight file and are none, or two files differ.
int inspect_command(const InspectOptions& options, Console& console);

}  // namespace ofer
