// `ofer train`: weights from faces.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/console.h"
#include "tools/face_options.h"
#include "tools/session_options.h"

namespace CLI {
class App;
}

namespace ofer {

struct TrainCommandOptions {
  std::string stage;  // "mae", ..., or "all"
  FaceOptions faces;
  std::string weights;                // to start from; "": drawn
  std::string config;                 // of drawn ones
  std::string folder;                 // the run's
  std::string recipe;                 // a JSON file; "": the stage's own
  std::vector<std::string> settings;  // "FIELD=VALUE" of the recipe
  bool print_recipe = false;
  bool resume = false;
  double checkpoint_minutes = 5;
  SessionNames session;
};

// Adds the command to `app`; parsing fills `options`, which must live as long.
CLI::App* add_train_command(CLI::App& app, TrainCommandOptions& options);

// Throws ofer::Error; else gives the exit code: 130 or 143 where a signal stopped the run, whose
// state is then saved.
int train_command(const TrainCommandOptions& options, Console& console);

}  // namespace ofer
