// `ofer verify`: a pass of the pipeline against a reference's taps.
#pragma once

#include <string>
#include <vector>

#include "tools/console.h"
#include "tools/session_options.h"

namespace CLI {
class App;
}

namespace ofer {

struct VerifyOptions {
  std::string weights, reference;
  std::vector<std::string> tolerances;  // NAME=VALUE
  bool json = false, table = false;
  SessionNames session;
};

// Adds the command to `app`; parsing fills `options`, which must live as long.
CLI::App* add_verify_command(CLI::App& app, VerifyOptions& options);

// Prints a table on a terminal, else JSON lines. Throws ofer::Error where nothing can be compared;
// else gives the exit code: 0 when every tap passes, 1 when one diverges, is missing or misshapen.
int verify_command(const VerifyOptions& options, Console& console);

}  // namespace ofer
