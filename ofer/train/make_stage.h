// The stage of training that a recipe describes.
#pragma once

#include <memory>
#include <vector>

#include "ofer/data/face_store.h"
#include "ofer/train/recipe.h"
#include "ofer/train/stage.h"
#include "ofer/train/trainable.h"

namespace ofer {

// Side at which a stage wants its faces kept (ofer/data/face_store.h): that of the largest network
// that it trains with.
int face_side(TrainStageKind stage, const Config& config);

// Over the faces of `samples`; model and faces are borrowed. Throws kBadArgument for what the model
// or the faces cannot be trained with.
std::unique_ptr<TrainStage> make_stage(const Recipe& recipe, const Trainable& model,
                                       const FaceStore& faces, std::vector<std::size_t> samples);

}  // namespace ofer
