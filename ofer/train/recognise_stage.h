// Training the recogniser: faces with labels, open, covered or masked, as the stages before it hand
// them on.
#pragma once

#include <optional>

#include "ofer/data/augment.h"
#include "ofer/data/face_store.h"
#include "ofer/data/occlusion.h"
#include "ofer/data/patch_masks.h"
#include "ofer/patch_selection.h"
#include "ofer/train/recognise_loss.h"
#include "ofer/train/stage.h"
#include "ofer/train/trainable.h"

namespace ofer {

struct RecogniseStageOptions {
  std::uint64_t seed = 1;
  AugmentOptions augment = recogniser_augmentation();
  // How often a face is covered, by what `cover` draws (its grid is the network's): then every
  // patch that is not clean counts as covered, as if detection had found them all. And how often
  // patches drawn by `masks` are left out of an open face. The other faces stay as they are.
  double covered = 0.4, masked = 0.2;
  OcclusionOptions cover;
  MaskOptions masks{.min_share = 0.1, .max_share = 0.5};
  // Covered faces are restored by the U-Net, where the network has one; else by the coarse image.
  bool refine = true;
  // How often the latent vectors of a face are all zero, so that the recogniser also does without.
  double no_latents = 0;
  double balance = 0;    // of the classes (ofer/train/class_weights.h)
  double smoothing = 0;  // of the labels (ofer/train/recognise_loss.h)
};

class RecogniseStage final : public TrainStage {
 public:
  // The faces of `samples` that have a label; the others are left out and counted. Data set and
  // faces are borrowed. Throws kBadArgument for options that cannot be and for a data set with
  // other labels than the network's; kBadFile when no face has a label, or all have the same: then
  // any face would be answered alike, and nothing learned from it.
  RecogniseStage(const Trainable& model, const Dataset& dataset, const FaceStore& faces,
                 const std::vector<std::size_t>& samples, const RecogniseStageOptions& options);

  std::string_view name() const override { return "recognise"; }
  std::vector<std::string> learned() const override { return {"recogniser."}; }
  std::size_t samples() const override { return samples_.size(); }
  // images: as they are seen; covered: the patches behind a cover or a mask.
  void fill(TrainBatch& batch, std::uint64_t epoch,
            std::span<const std::size_t> samples) const override;
  // The frozen stages, with the batch's masks, as a Pipeline runs them with MaskSource::kGiven.
  void prepare(Session& s, Staging& staging, const TrainBatch& batch) override;
  Tensor loss(Session& s) override;

  // What loss() is of; valid from prepare() to the end of the step.
  const RecogniseBatch& batch() const { return batch_; }
  // By class; 0 for one without a face.
  const std::vector<float>& class_weights() const { return class_weights_; }
  // Faces that were left out, classes without a face.
  const DataReport& report() const { return report_; }

 private:
  // The face before a cover of its own; its patches that are not clean into `mask`.
  Image covered(const Image& face, std::size_t sample, SeededNumbers& numbers,
                std::span<std::uint8_t> mask) const;

  const Trainable& model_;
  const Dataset& dataset_;
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
