#include "ofer/train/reconstruct_stage.h"

#include <algorithm>

#include "engine/image_resize.h"
#include "engine/ops.h"
#include "ofer/reconstruction.h"
#include "ofer/train/batch_images.h"
#include "ofer/train/vgg_features.h"

namespace ofer {
namespace {

std::unique_ptr<const FeatureNetwork> features_for(const Network& network, const std::string& vgg) {
  if (vgg.empty()) return std::make_unique<RecogniserFeatures>(network);
  return std::make_unique<VggFeatures>(vgg, network.restored_size(), network.precision(),
                                       network.device());
}

}  // namespace

ReconstructStage::Judges::Judges(const ReconstructStage& stage, const DiscriminatorOptions& options)
    : stage_(stage),
      discriminators_(options, stage.model_.network().restored_size(),
                      stage.features_->fine_channels(), stage.features_->fine_size(),
                      stage.model_.network().precision(), stage.model_.network().device()) {}

ReconstructStage::ReconstructStage(const Trainable& model, const FaceStore& faces,
                                   std::vector<std::size_t> samples,
                                   const ReconstructStageOptions& options, const CutoutSet* cutouts)
    : model_(model), faces_(faces), samples_(std::move(samples)), options_(options) {
  const Network& network = model.network();
  check(options_.augment);
  check(options_.reconstruct.weights);
  require(network.unet() != nullptr, ErrorCode::kBadArgument,
          "the configuration has no U-Net to train");
  const PatchGrid grid = grid_of(network.config());
  for (const std::vector<std::uint8_t>& mask : options_.masks)
    require(mask.size() == grid.size(), ErrorCode::kBadArgument, "a mask of ", mask.size(),
            " patches for a configuration of ", grid.size());
  if (options_.masks.empty()) {
    options_.covers.grid = grid;
    occluder_.emplace(options_.covers, cutouts);
  }
  const ReconstructWeights& weights = options_.reconstruct.weights;
  if (weights.consistency > 0 || weights.adversarial > 0)
    features_ = features_for(network, options_.reconstruct.vgg);
  if (weights.adversarial > 0)
    judges_.emplace(*this,
                    DiscriminatorOptions{options_.seed, options_.reconstruct.discriminator_width});
  objective_.emplace(network, features_.get(), judges_ ? &judges_->discriminators() : nullptr,
                     weights);
}

std::vector<std::string> ReconstructStage::notes() const {
  if (!features_ || !options_.reconstruct.vgg.empty()) return {};
  return {"no weights of VGG-16 were given: the features of " + features_->name() +
          " serve in their place"};
}

void ReconstructStage::fill(TrainBatch& batch, std::uint64_t epoch,
                            std::span<const std::size_t> samples) const {
  const Config& config = model_.network().config();
  const int vit = config.image_size, unet = model_.network().restored_size();
  const int side = std::max(vit, unet);  // at which faces are varied and covered
  const auto values = [](int size) {
    return 3 * static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
  };
  const auto patches = static_cast<std::size_t>(config.patch_count());
  batch.count = static_cast<std::int64_t>(samples.size());
  batch.images.resize(samples.size() * values(vit));
  batch.unet_images.resize(samples.size() * values(unet));
  batch.truth.resize(samples.size() * values(unet));
  batch.covered.resize(samples.size() * patches);
  ResizeScratch scratch;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::size_t sample = samples_[samples[i]];
    SeededNumbers look = numbers_for(options_.seed, epoch, samples[i], RandomPurpose::kAugment);
    const Augmentation drawn = draw_augmentation(options_.augment, side, look);
    const Image face = augmented(faces_.face(sample), drawn, side);
    const Image* seen = &face;
    Occlusion cover;
    std::vector<std::uint8_t> mask;
    if (occluder_) {
      SeededNumbers numbers =
          numbers_for(options_.seed, epoch, samples[i], RandomPurpose::kOcclude);
      const Image other =
          faces_.face(samples_[static_cast<std::size_t>(numbers.next() % samples_.size())]);
      cover = occluder_->cover(face, &other, numbers);
      seen = &cover.picture;
      mask = cover.mask();
    } else {
      SeededNumbers numbers = numbers_for(options_.seed, epoch, samples[i], RandomPurpose::kMask);
      mask = options_.masks[static_cast<std::size_t>(numbers.next() % options_.masks.size())];
    }
    image_to_planes(*seen, vit, vit, batch.images.data() + i * values(vit), scratch);
    image_to_planes(*seen, unet, unet, batch.unet_images.data() + i * values(unet), scratch);
    image_to_planes(face, unet, unet, batch.truth.data() + i * values(unet), scratch);
    std::copy(mask.begin(), mask.end(),
              batch.covered.begin() + static_cast<std::ptrdiff_t>(i * patches));
  }
}

void ReconstructStage::prepare(Session& s, Staging& staging, const TrainBatch& batch) {
  const Network& network = model_.network();
  const Config& config = network.config();
  const std::int64_t n = batch.count, patches = config.patch_count(), u = network.restored_size();
  selection_.assign(n, patches, batch.covered);
  selection_.upload(s, staging);
  const Tensor grid =
      selection_.covered_mask().view({n, 1, config.patch_rows(), config.patch_columns()});
  batch_ = {};
  batch_.hole = ops::resize_nearest(s, grid, u, u);
  batch_.image = send_images(s, staging, batch.unet_images, n, u);
  batch_.truth = ops::scale(s, send_images(s, staging, batch.truth, n, u), 2, -1);
  batch_.latent_rows = network.recogniser().send_latent_rows(s, staging, n, latent_rows_);
  Reconstruction frozen = allocate_reconstruction(s, network, batch_.image, selection_);
  {
    const Workspace::Scope scope(s.workspace());
    const NotTraining not_training(s);
    const Tensor seen =
        normalised(s, network, send_images(s, staging, batch.images, n, config.image_size));
    reconstruct(s, network, nullptr, seen, batch_.image, selection_, frozen);
  }
  batch_.coarse = frozen.restored;
  batch_.latent = frozen.latent;
  objective_->prepare(s, batch_);
}

}  // namespace ofer
