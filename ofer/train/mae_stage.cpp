#include "ofer/train/mae_stage.h"

#include <algorithm>

#include "engine/ops.h"
#include "ofer/train/batch_images.h"
#include "ofer/train/losses.h"

namespace ofer {

MaeStage::MaeStage(const Trainable& model, const FaceStore& faces, std::vector<std::size_t> samples,
                   const MaeStageOptions& options)
    : model_(model), faces_(faces), samples_(std::move(samples)), options_(options) {
  check(options_.augment);
  check(options_.masks);
}

void MaeStage::fill(TrainBatch& batch, std::uint64_t epoch,
                    std::span<const std::size_t> samples) const {
  const Config& config = model_.network().config();
  const PatchGrid grid = grid_of(config);
  const auto side = static_cast<std::size_t>(config.image_size);
  const std::size_t values = 3 * side * side, patches = grid.size();
  batch.count = static_cast<std::int64_t>(samples.size());
  batch.images.resize(samples.size() * values);
  batch.covered.resize(samples.size() * patches);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::size_t sample = samples_[samples[i]];
    SeededNumbers look = numbers_for(options_.seed, epoch, samples[i], RandomPurpose::kAugment);
    const Augmentation drawn = draw_augmentation(options_.augment, config.image_size, look);
    to_planes(augmented(faces_.face(sample), drawn, config.image_size),
              std::span(batch.images).subspan(i * values, values));
    SeededNumbers numbers = numbers_for(options_.seed, epoch, samples[i], RandomPurpose::kMask);
    const std::vector<std::uint8_t> mask = draw_mask(grid, options_.masks, numbers);
    std::copy(mask.begin(), mask.end(),
              batch.covered.begin() + static_cast<std::ptrdiff_t>(i * patches));
  }
}

void MaeStage::prepare(Session& s, Staging& staging, const TrainBatch& batch) {
  const Config& config = model_.network().config();
  images_ = normalised(s, model_.network(),
                       send_images(s, staging, batch.images, batch.count, config.image_size));
  selection_.assign(batch.count, config.patch_count(), batch.covered);
  selection_.upload(s, staging);
}

Tensor MaeStage::loss(Session& s) {
  const Config& config = model_.network().config();
  return mae_loss(s, model_.network().autoencoder(), images_, selection_, config.patch_size,
                  config.decoder.norm_pix_loss);
}

}  // namespace ofer
