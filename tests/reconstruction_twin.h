// One step of the stage `reconstruct` beside the PyTorch twin's: both turns.
#pragma once

#include <string>
#include <vector>

#include "tests/training_twin.h"

namespace ofer::test {

// The stage's own way, from what a batch holds to the gradients of the U-Net and of both
// discriminators. One line for each number that is off. `what` may differ from the twin's case,
// which must then show. `compared` (or null) counts the tensors.
std::vector<std::string> compare_reconstruction(const TrainingTwin& twin, const TrainingCase& what,
                                                Precision precision, int* compared = nullptr);

}  // namespace ofer::test
