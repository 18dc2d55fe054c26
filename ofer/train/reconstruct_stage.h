// Training the U-Net with self-assembly: covered faces, what the autoencoder paints behind the
// covers, and what was there.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ofer/data/augment.h"
#include "ofer/data/face_store.h"
#include "ofer/data/occlusion.h"
#include "ofer/patch_selection.h"
#include "ofer/train/reconstruct_loss.h"
#include "ofer/train/stage.h"
#include "ofer/train/trainable.h"

namespace ofer {

struct ReconstructStageOptions {
  std::uint64_t seed = 1;
  AugmentOptions augment;
  // What covers a face, and from which share on a patch is covered; the grid is the
  // configuration's.
  OcclusionOptions covers;
  // When there are any, one of these for each face in place of a cover: masks of the
  // configuration's patches, 1 covered. A mask may cover nothing: the U-Net then learns to leave
  // the face alone.
  std::vector<std::vector<std::uint8_t>> masks;
  ReconstructRecipe reconstruct;
};

// Moves the U-Net alone. Autoencoder, recogniser and feature network stay as they are.
class ReconstructStage final : public TrainStage {
 public:
  // The faces of `samples`, and the cut-outs where they have a weight; all are borrowed. Throws
  // kBadArgument for options that cannot be and a model without a U-Net; kIo and kBadFile for
  // `vgg`.
  ReconstructStage(const Trainable& model, const FaceStore& faces, std::vector<std::size_t> samples,
                   const ReconstructStageOptions& options, const CutoutSet* cutouts = nullptr);

  ReconstructStage(const ReconstructStage&) = delete;
  ReconstructStage& operator=(const ReconstructStage&) = delete;

  std::string_view name() const override { return "reconstruct"; }
  std::vector<std::string> learned() const override { return {"unet."}; }
  std::size_t samples() const override { return samples_.size(); }
  // Fills images, unet_images, truth and covered.
  void fill(TrainBatch& batch, std::uint64_t epoch,
            std::span<const std::size_t> samples) const override;
  void prepare(Session& s, Staging& staging, const TrainBatch& batch) override;
  Tensor loss(Session& s) override { return (*objective_)(s, batch_); }
  // The two discriminators; nobody when their loss has no weight.
  Adversary* adversary() override { return judges_ ? &*judges_ : nullptr; }
  std::vector<std::string> notes() const override;

 private:
  class Judges final : public Adversary {
   public:
    Judges(const ReconstructStage& stage, const DiscriminatorOptions& options);
    const std::vector<Parameter>& parameters() const override {
      return discriminators_.parameters();
    }
    Tensor loss(Session& s) override { return stage_.objective_->discriminators(s, stage_.batch_); }
    const Discriminators& discriminators() const { return discriminators_; }

   private:
    const ReconstructStage& stage_;
    Discriminators discriminators_;
  };

  const Trainable& model_;
  const FaceStore& faces_;
  std::vector<std::size_t> samples_;
  ReconstructStageOptions options_;
  std::optional<Occluder> occluder_;  // where no masks are given
  std::unique_ptr<const FeatureNetwork> features_;
  std::optional<Judges> judges_;
  std::optional<ReconstructLoss> objective_;
  PatchSelection selection_;
  std::vector<std::int32_t> latent_rows_;
  ReconstructBatch batch_;
};

}  // namespace ofer
