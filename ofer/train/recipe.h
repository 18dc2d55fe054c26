// Everything that decides what a stage's training does, apart from data and starting weights: one
// JSON object, recorded with every checkpoint and in the provenance of what comes out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ofer/data/augment.h"
#include "ofer/data/occlusion.h"
#include "ofer/data/patch_masks.h"
#include "ofer/train/optimiser.h"
#include "ofer/train/recognise_recipe.h"
#include "ofer/train/reconstruct_recipe.h"
#include "ofer/train/schedule.h"
#include "ofer/train/sources.h"
#include "ofer/train/svdd_recipe.h"
#include "ofer/train/trainer.h"

namespace ofer {

class JsonValue;

enum class TrainStageKind : std::uint8_t { kMae, kSvdd, kReconstruct, kRecognise };
inline constexpr TrainStageKind kTrainStages[] = {TrainStageKind::kMae, TrainStageKind::kSvdd,
                                                  TrainStageKind::kReconstruct,
                                                  TrainStageKind::kRecognise};
// "mae", "svdd", "reconstruct", "recognise".
std::string_view name_of(TrainStageKind stage);

// What covers faces where training covers them (ofer/data/occlusion.h): how often each family, and
// what counts as a covered and as a clean patch.
struct CoverRecipe {
  double patches = 0, blobs = 0, shapes = 1, pieces = 1;
  double min_share = 0.1, max_share = 0.5;
  int blobs_at_most = 3;
  std::vector<std::string> shape_kinds;  // empty: all
  double blur = 0.5;
  float min_sigma = 0.6f, max_sigma = 1.2f;
  double covered_from = 0.5, clean_to = 0.05;

  // Throws kBadArgument for a shape that nobody draws.
  OcclusionOptions options(PatchGrid grid) const;
};

struct Recipe {
  TrainStageKind stage = TrainStageKind::kMae;
  std::uint64_t seed = 1;
  SourceCounts faces;  // which sources, and how often in an epoch; empty: every face once
  double epochs = 1;
  std::int64_t batch = 64;
  OptimiserOptions optimiser;
  // In epochs where the schedule's own fields count steps; `warm_up` as a share of the run.
  Schedule::Shape shape = Schedule::Shape::kCosine;
  double rate = 1e-3, floor = 0, factor = 0.1, warm_up = 0.05, period = 10, hold = 20;
  double average = 0;
  AugmentOptions augment;
  MaskOptions masks;              // mae, recognise, and svdd where the autoencoder learns along
  CoverRecipe covers;             // svdd, reconstruct, recognise
  SvddRecipe svdd;                // svdd
  ReconstructRecipe reconstruct;  // reconstruct
  RecogniseRecipe recognise;      // recognise

  // For a stage of that many samples. Throws kBadArgument when a run would have no step.
  TrainerOptions trainer_options(std::size_t samples) const;
};

// Which sections a stage's recipe has besides the common ones.
bool has_masks(TrainStageKind stage);
bool has_covers(TrainStageKind stage);

// What a stage is trained with where nobody says otherwise.
Recipe default_recipe(TrainStageKind stage);

// To JSON text and back, strictly (weights/json_fields.h): the fields are those of the structs, and
// of the stage's alone.
std::string to_json(const Recipe& recipe);
Recipe parse_recipe(std::string_view json);
Recipe parse_recipe(const JsonValue& document);

}  // namespace ofer
