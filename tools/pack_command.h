// `ofer pack`: trained weights as a file to hand on.
#pragma once

#include <string>

#include "tools/console.h"

namespace CLI {
class App;
}

namespace ofer {

struct PackCommandOptions {
  std::string weights, output;
  std::string dtype = "f16";
  bool keep_structure = false;
  bool leave_unet = false;
  std::string licence;
};

// Adds the command to `app`; parsing fills `options`, which must live as long.
CLI::App* add_pack_command(CLI::App& app, PackCommandOptions& options);

// Throws ofer::Error; else gives the exit code.
int pack_command(const PackCommandOptions& options, Console& console);

}  // namespace ofer
