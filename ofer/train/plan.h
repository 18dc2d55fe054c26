// Several stages of training, one behind the other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ofer/train/recipe.h"

namespace ofer {

// In the order in which they run; each starts from the weights of the one before.
using TrainPlan = std::vector<Recipe>;

// The whole method: autoencoder, spheres, recogniser, U-Net (which the recogniser teaches), and the
// recogniser once more, on faces that the U-Net has restored; without a U-Net the first three.
TrainPlan default_plan(bool unet);

// {"stages": [recipe, ...]}, and back. Throws kBadArgument, as parse_recipe and for no stage.
std::string to_json(const TrainPlan& plan);
TrainPlan parse_plan(std::string_view json);

}  // namespace ofer
