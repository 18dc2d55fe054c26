// `ofer run`: images in; expressions, covered patches and pictures out.
#pragma once

#include <string>
#include <vector>

#include "tools/console.h"
#include "tools/session_options.h"

namespace CLI {
class App;
}

namespace ofer {

struct RunOptions {
  std::string weights;
  std::vector<std::string> inputs;
  bool recursive = false;

  std::string mask;  // a file in place of detection
  bool no_detect = false;

  std::string pictures;  // folder
  std::string cam_class, cam_layer;
  bool cam_plus_plus = false;
  std::string taps;
  bool json = false, table = false;

  SessionNames session;
  int batch = 1;
};

// Adds the command to `app`; parsing fills `options`, which must live as long.
CLI::App* add_run_command(CLI::App& app, RunOptions& options);

// Prints results as a table on a terminal, else as JSON lines. Throws ofer::Error for what stops
// the whole run; an image that fails is reported and the others are done. Gives the exit code.
int run_command(const RunOptions& options, Console& console);

}  // namespace ofer
