// One stage of training, in a folder of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "engine/session.h"
#include "ofer/train/recipe.h"
#include "tools/console.h"
#include "tools/face_options.h"
#include "tools/interrupt.h"

namespace ofer {

struct StageRun {
  Recipe recipe;
  FaceOptions faces;            // data, layout and split; the rest is the stage's
  std::string weights, config;  // as tools/train_start.h has them
  std::filesystem::path folder;
  // Where recipe.recognise.blend_with is, when it does not name the file itself.
  std::filesystem::path blend_with;
  bool resume = false;
  double checkpoint_minutes = 5;
  SessionOptions session;
  std::string precision;  // its name, which a run is taken up with
};

struct StageOutcome {
  bool finished = false;
  std::int64_t faces = 0, steps = 0, of = 0;
  std::filesystem::path weights;  // where it is finished
};

// Trains until the stage is finished or a signal comes, which leaves its state saved. Throws what
// stages, data and files throw; the last checkpoint stays.
StageOutcome run_stage(const StageRun& run, const Interrupt& interrupt, Console& console);

}  // namespace ofer
