// One stage's training beside the PyTorch twin's in double precision (make_training.py).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ofer/train/losses.h"
#include "ofer/train/optimiser.h"
#include "ofer/train/reconstruct_loss.h"
#include "tests/support/temporary_folder.h"
#include "weights/safetensors.h"

namespace ofer::test {

enum class Stage { kMae, kSvdd, kRecognise, kReconstruct };

// What is trained, and how. Twin and engine are told the same.
struct TrainingCase {
  Stage stage = Stage::kMae;
  Config config = {};
  SvddObjective svdd = {};
  bool weigh_classes = false;
  OptimiserOptions optimiser = {};
  double rate = 0;
  int batch = 5;
  // Reconstruct, one step of which is compared (tests/reconstruction_twin.h).
  ReconstructWeights parts = {};
  bool vgg = false;  // of a narrow VGG-16, else of the recogniser
  int discriminator_width = 4;
};

// Steps of every case: long enough for Adam's means and for momentum to be past their beginning.
inline constexpr int kTrainingSteps = 20;

// The twin's weights and answers.
class TrainingTwin {
 public:
  explicit TrainingTwin(const TrainingCase& what);
  std::string weights() const { return (folder_ / "weights.safetensors").string(); }
  std::string vgg() const { return (folder_ / "vgg.safetensors").string(); }
  const SafetensorsFile& answers() const { return *answers_; }

 private:
  TemporaryFolder folder_;
  std::optional<SafetensorsFile> answers_;
};

// Largest errors that are let pass.
struct TrainingTolerance {
  double loss;      // relative, of one step's loss
  double gradient;  // relative L2, of each tensor
  // After the steps. A tensor may be off by `moved` times the way that it has moved, and by
  // `rounded` times its norm; a loss by `losses` times itself.
  double losses, moved, rounded;
};
TrainingTolerance tolerance_for(Precision precision, const OptimiserOptions& optimiser);

// One line for each number that is off; empty when all is well. `what` may differ from the twin's
// case, which must then show. `compared` (or null) counts the tensors.
std::vector<std::string> compare_training(const TrainingTwin& twin, const TrainingCase& what,
                                          Precision precision, int* compared = nullptr);

}  // namespace ofer::test
