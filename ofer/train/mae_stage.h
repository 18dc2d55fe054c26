// Training the masked autoencoder: faces with patches left out, and what was there.
#pragma once

#include <memory>
#include <optional>

#include "ofer/data/augment.h"
#include "ofer/data/face_store.h"
#include "ofer/data/patch_masks.h"
#include "ofer/patch_selection.h"
#include "ofer/train/stage.h"
#include "ofer/train/trainable.h"

namespace ofer {

struct MaeStageOptions {
  std::uint64_t seed = 1;
  AugmentOptions augment = autoencoder_augmentation();
  MaskOptions masks;  // what is left out of each face
};

class MaeStage final : public TrainStage {
 public:
  // The faces of `samples`; both are borrowed.
  MaeStage(const Trainable& model, const FaceStore& faces, std::vector<std::size_t> samples,
           const MaeStageOptions& options);

  std::string_view name() const override { return "mae"; }
  std::vector<std::string> learned() const override { return {"mae."}; }
  std::size_t samples() const override { return samples_.size(); }
  void fill(TrainBatch& batch, std::uint64_t epoch,
            std::span<const std::size_t> samples) const override;
  void prepare(Session& s, Staging& staging, const TrainBatch& batch) override;
  Tensor loss(Session& s) override;

 private:
  const Trainable& model_;
  const FaceStore& faces_;
  std::vector<std::size_t> samples_;
  MaeStageOptions options_;
  PatchSelection selection_;
  Tensor images_;  // of the batch, normalised
};

}  // namespace ofer
