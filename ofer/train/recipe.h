// Everything that decides what a stage's training does, apart from data and starting weights: one
// JSON object, recorded with every checkpoint and in the provenance of what comes out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ofer/data/augment.h"
#include "ofer/train/optimiser.h"
#include "ofer/train/schedule.h"
#include "ofer/train/trainer.h"

namespace ofer {

enum class TrainStageKind : std::uint8_t { kMae };
inline constexpr TrainStageKind kTrainStages[] = {TrainStageKind::kMae};
// "mae", ...
std::string_view name_of(TrainStageKind stage);

// How much of a face is left out for the autoencoder (ofer/train/mae_stage.h).
struct MaskRecipe {
  double min_share = 0.5, max_share = 0.85, connected = 0.5;
  int blobs = 3;
};

struct Recipe {
  TrainStageKind stage = TrainStageKind::kMae;
  std::uint64_t seed = 1;
  double epochs = 1;
  std::int64_t batch = 64;
  OptimiserOptions optimiser;
  // In epochs where the schedule's own fields count steps; `warm_up` as a share of the run.
  Schedule::Shape shape = Schedule::Shape::kCosine;
  double rate = 1e-3, floor = 0, factor = 0.1, warm_up = 0.05, period = 10, hold = 20;
  double average = 0;
  AugmentOptions augment;
  MaskRecipe masks;  // mae

  // For a stage of that many samples. Throws kBadArgument when a run would have no step.
  TrainerOptions trainer_options(std::size_t samples) const;
};

// What a stage is trained with where nobody says otherwise.
Recipe default_recipe(TrainStageKind stage);

// To JSON text and back, strictly (weights/json_fields.h): the fields are those of the structs, and
// of the stage's alone.
std::string to_json(const Recipe& recipe);
Recipe parse_recipe(std::string_view json);

}  // namespace ofer
