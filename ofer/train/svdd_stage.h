// Training the detector: spheres around the latents of clean patches, covered ones pushed out.
//
// How a sphere comes about follows from its form (weights/config.h). A deep one whose phi has
// several layers is trained, from a centre that the first pass finds; one whose phi is a single
// linear map is fitted in closed form behind training, by whitening (ofer/train/whitening.h), since
// a linear map that is trained collapses; a kernel one is fitted as a one-class support vector
// machine (ofer/train/kernel_fit.h). Radii are found last, on faces held out.
#pragma once

#include <vector>

#include "ofer/data/augment.h"
#include "ofer/data/face_store.h"
#include "ofer/data/occlusion.h"
#include "ofer/data/patch_masks.h"
#include "ofer/patch_selection.h"
#include "ofer/train/stage.h"
#include "ofer/train/svdd_recipe.h"
#include "ofer/train/trainable.h"

namespace ofer {

struct SvddStageOptions {
  std::uint64_t seed = 1;
  AugmentOptions augment;
  OcclusionOptions covers;  // of the configuration's grid
  MaskOptions masks;        // of the autoencoder's objective, where its encoder learns along
  SvddRecipe svdd;
};

class SvddStage final : public TrainStage {
 public:
  // The faces of `samples`; model and faces are borrowed. Throws kBadArgument for a model without
  // spheres and for fewer than two faces.
  SvddStage(const Trainable& model, const FaceStore& faces, std::vector<std::size_t> samples,
            const SvddStageOptions& options);

  std::string_view name() const override { return "svdd"; }
  // phi of the trained spheres, and the encoder that they see through: the detector's own, or the
  // whole autoencoder.
  std::vector<std::string> learned() const override;
  std::size_t samples() const override { return training_.size(); }
  void fill(TrainBatch& batch, std::uint64_t epoch,
            std::span<const std::size_t> samples) const override;
  void prepare(Session& s, Staging& staging, const TrainBatch& batch) override;
  Tensor loss(Session& s) override;

  // Centres (the mean of phi over clean patches in one pass, no coordinate nearer to 0 than 0.1)
  // and radii of the trained spheres; phi's last map is scaled so that the radius becomes 1, which
  // the margin is measured by.
  void begin(Session& s, Staging& staging) override;
  // The soft boundary's radius: the 1 - nu quantile over the batch's clean patches.
  void after_step(Session& s, Staging& staging, std::uint64_t epoch) override;
  // Closed forms, kernel spheres, and the radii on the held-out faces: each sphere's such that
  // `outside` of their patches lies beyond, then all scaled together until that holds of the score.
  void finish(Session& s, Staging& staging, WeightsDraft& draft) override;

 private:
  // Calls use(count, z by sphere) for batches of these faces as they are.
  template <class Use>
  void each_batch(Session& s, Staging& staging, const std::vector<std::size_t>& samples, Use&& use);
  void find_radii(Session& s, Staging& staging, WeightsDraft& draft);
  const SphereConfig& sphere(std::size_t k) const;
  Tensor weight(std::size_t k, const std::string& name) const;

  const Trainable& model_;
  const FaceStore& faces_;
  SvddStageOptions options_;
  Occluder occluder_;
  std::vector<std::size_t> training_, held_out_;
  std::vector<std::size_t> trained_;  // spheres
  bool own_encoder_, with_autoencoder_;
  PatchSelection selection_, masked_;
  std::vector<float> planes_, masks_;
  Tensor images_, truth_, clean_, covered_;  // of the batch
  std::vector<Tensor> distances_;            // of the trained spheres, of the last loss
  std::vector<std::uint8_t> batch_clean_;
};

}  // namespace ofer
