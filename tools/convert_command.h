// `ofer convert`: foreign checkpoints into one weight file.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/console.h"
#include "weights/source_names.h"

namespace CLI {
class App;
}

namespace ofer {

struct ConvertCommandOptions {
  std::array<std::string, kSourceKinds> sources;  // by kind; "": none
  std::string output;
  std::string config;                 // "": sizes are read off the shapes
  std::vector<std::string> settings;  // "FIELD=VALUE"
  std::vector<std::string> labels;
  std::string provenance, licence;
  std::string dtype = "f32";
  std::string fill;  // a seed; "": nothing is drawn
  bool keep_structure = false, allow_unused = false;
  int threads = 0;  // 0: one for each core
  bool json = false, table = false;
};

// Adds the command to `app`; parsing fills `options`, which must live as long.
CLI::App* add_convert_command(CLI::App& app, ConvertCommandOptions& options);

// Prints text on a terminal, else one JSON object; what does not fit, a line each, on standard
// error. Throws ofer::Error; else gives the exit code.
int convert_command(const ConvertCommandOptions& options, Console& console);

}  // namespace ofer
