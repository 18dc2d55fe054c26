// Training the recogniser: faces with labels, open, covered or masked, as the stages before it hand
// them on.
#pragma once

#include <vector>

#include "ofer/data/augment.h"
#include "ofer/data/face_store.h"
#include "ofer/data/occlusion.h"
#include "ofer/data/patch_masks.h"
#include "ofer/patch_selection.h"
#include "ofer/train/recognise_loss.h"
#include "ofer/train/recognise_recipe.h"
#include "ofer/train/stage.h"
#include "ofer/train/trainable.h"

namespace ofer {

struct RecogniseStageOptions {
  std::uint64_t seed = 1;
  AugmentOptions augment = recogniser_augmentation();
  OcclusionOptions covers;  // of the configuration's grid
  MaskOptions masks{.min_share = 0.1, .max_share = 0.5};
  RecogniseRecipe recognise;
};

class RecogniseStage final : public TrainStage {
 public:
  // The faces of `samples` that have a label; the others are left out and counted. Model and faces
  // are borrowed. Throws kBadArgument for options that cannot be and for a data set with other
  // labels than the network's; kBadFile when no face has a label, or all have the same: then one
  // answer is right for all of them, and nothing is learned.
  RecogniseStage(const Trainable& model, const FaceStore& faces,
                 const std::vector<std::size_t>& samples, const RecogniseStageOptions& options);

  std::string_view name() const override { return "recognise"; }
  std::vector<std::string> learned() const override { return {"recogniser."}; }
  std::size_t samples() const override { return samples_.size(); }
  // Faces that were left out, classes without a face.
  DataReport report() const override { return report_; }
  // images: as they are seen; covered: the patches behind a cover or a mask.
  void fill(TrainBatch& batch, std::uint64_t epoch,
            std::span<const std::size_t> samples) const override;
  // The frozen stages, with the batch's masks, as a Pipeline runs them with MaskSource::kGiven.
  void prepare(Session& s, Staging& staging, const TrainBatch& batch) override;
  Tensor loss(Session& s) override;
  // Another list of patches, where the recipe wants one.
  void finish(Session& s, Staging& staging, WeightsDraft& draft) override;

  // What loss() is of; valid from prepare() to the end of the step.
  const RecogniseBatch& batch() const { return batch_; }
  // By class; 0 for one without a face.
  const std::vector<float>& class_weights() const { return class_weights_; }

 private:
  // The face before a cover of its own; its patches that are not clean into `mask`.
  Image covered(const Image& face, std::size_t sample, SeededNumbers& numbers,
                std::span<std::uint8_t> mask) const;

  const Trainable& model_;
  const FaceStore& faces_;
  std::vector<std::size_t> samples_;
  RecogniseStageOptions options_;
  Occluder occluder_;
  std::vector<float> class_weights_;
  DataReport report_;
  PatchSelection selection_;
  std::vector<std::int32_t> latent_rows_;
  RecogniseBatch batch_;
};

}  // namespace ofer
