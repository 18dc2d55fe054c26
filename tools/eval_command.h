// `ofer eval`: the paper's tables on one's own faces.
#pragma once

#include <cstdint>
#include <string>

#include "tools/console.h"
#include "tools/face_options.h"
#include "tools/session_options.h"

namespace CLI {
class App;
}

namespace ofer {

struct EvalCommandOptions {
  std::string weights;
  FaceOptions faces;
  std::string occluders;  // a folder of cut-outs; "": drawn covers
  std::string what = "detection,reconstruction,recognition,curves";
  std::string folder;      // of the report
  std::int64_t limit = 0;  // faces; 0: all
  double share = 0.2;      // of the patches, in reconstruction
  std::uint64_t seed = 1;
  int batch = 8, resamples = 2000;
  SessionNames session;
};

// Adds the command to `app`; parsing fills `options`, which must live as long.
CLI::App* add_eval_command(CLI::App& app, EvalCommandOptions& options);

// Throws ofer::Error; else gives the exit code: 130 or 143 where a signal ended it, and then there
// is no report.
int eval_command(const EvalCommandOptions& options, Console& console);

}  // namespace ofer
