// `ofer init`: random weights for tests, benchmarks and the start of training.
#pragma once

#include <cstdint>
#include <string>

#include "tools/console.h"

namespace CLI {
class App;
}

namespace ofer {

struct InitOptions {
  std::string config;  // "base", "small" or a JSON file
  std::uint64_t seed = 1;
  std::string output;
};

// Adds the command to `app`; parsing fills `options`, which must live as long.
CLI::App* add_init_command(CLI::App& app, InitOptions& options);

// Throws ofer::Error; else gives the exit code.
int init_command(const InitOptions& options, Console& console);

}  // namespace ofer
