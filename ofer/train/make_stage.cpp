#include "ofer/train/make_stage.h"

#include <algorithm>

#include "ofer/train/mae_stage.h"
#include "ofer/train/recognise_stage.h"
#include "ofer/train/reconstruct_stage.h"
#include "ofer/train/svdd_stage.h"

namespace ofer {
namespace {

// What all stages but the autoencoder's take from a recipe alike.
template <class Options>
Options covered_options(const Recipe& recipe, const Trainable& model) {
  Options options;
  options.seed = recipe.seed;
  options.augment = recipe.augment;
  options.covers = recipe.covers.options(grid_of(model.network().config()));
  return options;
}

std::unique_ptr<TrainStage> make_mae(const Recipe& recipe, const Trainable& model,
                                     const FaceStore& faces, std::vector<std::size_t> samples) {
  MaeStageOptions options;
  options.seed = recipe.seed;
  options.augment = recipe.augment;
  options.masks = recipe.masks;
  return std::make_unique<MaeStage>(model, faces, std::move(samples), options);
}

std::unique_ptr<TrainStage> make_svdd(const Recipe& recipe, const Trainable& model,
                                      const FaceStore& faces, std::vector<std::size_t> samples) {
  auto options = covered_options<SvddStageOptions>(recipe, model);
  options.masks = recipe.masks;
  options.svdd = recipe.svdd;
  return std::make_unique<SvddStage>(model, faces, std::move(samples), options);
}

std::unique_ptr<TrainStage> make_recognise(const Recipe& recipe, const Trainable& model,
                                           const FaceStore& faces,
                                           std::vector<std::size_t> samples) {
  auto options = covered_options<RecogniseStageOptions>(recipe, model);
  options.masks = recipe.masks;
  options.recognise = recipe.recognise;
  return std::make_unique<RecogniseStage>(model, faces, std::move(samples), options);
}

std::unique_ptr<TrainStage> make_reconstruct(const Recipe& recipe, const Trainable& model,
                                             const FaceStore& faces,
                                             std::vector<std::size_t> samples) {
  auto options = covered_options<ReconstructStageOptions>(recipe, model);
  options.reconstruct = recipe.reconstruct;
  return std::make_unique<ReconstructStage>(model, faces, std::move(samples), options);
}

}  // namespace

int face_side(TrainStageKind stage, const Config& config) {
  if (stage == TrainStageKind::kReconstruct && config.unet)
    return std::max(config.image_size, config.unet->image_size);
  return config.image_size;
}

std::unique_ptr<TrainStage> make_stage(const Recipe& recipe, const Trainable& model,
                                       const FaceStore& faces, std::vector<std::size_t> samples) {
  switch (recipe.stage) {
    case TrainStageKind::kMae:
      return make_mae(recipe, model, faces, std::move(samples));
    case TrainStageKind::kSvdd:
      return make_svdd(recipe, model, faces, std::move(samples));
    case TrainStageKind::kRecognise:
      return make_recognise(recipe, model, faces, std::move(samples));
    case TrainStageKind::kReconstruct:
      return make_reconstruct(recipe, model, faces, std::move(samples));
  }
  OFER_ASSERT(!"a stage without a trainer");
}

}  // namespace ofer
