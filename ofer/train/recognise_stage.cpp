#include "ofer/train/recognise_stage.h"

#include <algorithm>

#include "engine/ops.h"
#include "ofer/reconstruction.h"
#include "ofer/train/batch_images.h"
#include "ofer/train/class_weights.h"
#include "ofer/train/patch_list.h"

namespace ofer {
namespace {

// Does any face of the batch show its latent vectors, or have something to be restored?
bool needs_autoencoder(const TrainBatch& batch) {
  const auto is_set = [](auto value) { return value != 0; };
  return std::ranges::any_of(batch.latent_use, is_set) ||
         std::ranges::any_of(batch.covered, is_set);
}

bool is_probability(double value) {
  return value >= 0 && value <= 1;
}

void check(const RecogniseRecipe& o) {
  require(is_probability(o.covered) && is_probability(o.masked) && o.covered + o.masked <= 1,
          ErrorCode::kBadArgument, "faces are covered with probability ", o.covered,
          " and masked with ", o.masked, "; both are 0 or more, and together at most 1");
  require(is_probability(o.no_latents), ErrorCode::kBadArgument,
          "latents are left out with a probability from 0 to 1, not ", o.no_latents);
  require(o.smoothing >= 0 && o.smoothing < 1, ErrorCode::kBadArgument,
          "labels are smoothed by 0 or more, below 1, not by ", o.smoothing);
}

}  // namespace

RecogniseStage::RecogniseStage(const Trainable& model, const FaceStore& faces,
                               const std::vector<std::size_t>& samples,
                               const RecogniseStageOptions& options)
    : model_(model), faces_(faces), options_(options), occluder_(options.covers) {
  check(options_.augment);
  check(options_.masks);
  check(options_.recognise);
  const Config& config = model.network().config();
  require(options_.covers.grid == grid_of(config), ErrorCode::kBadArgument,
          "covers of another grid of patches than the network's");
  require(
      !options_.recognise.relist || config.recogniser.latent_selection == LatentSelection::kFixed,
      ErrorCode::kBadArgument,
      "relist: the recogniser has no list of patches; its attention chooses them");
  const Dataset& dataset = faces.dataset();
  const std::vector<std::string>& labels = model.network().labels();
  require(dataset.labels == labels, ErrorCode::kBadArgument,
          "the data set's labels are not the network's");
  for (const std::size_t sample : samples) {
    const Sample& face = dataset.samples[sample];
    if (face.label >= 0)
      samples_.push_back(sample);
    else
      report_.add(DataProblem::kUnknownLabel, face.path.filename().string() + ": no label");
  }
  require(!samples_.empty(), ErrorCode::kBadFile, "none of ", samples.size(),
          " faces has a label; the recogniser learns from labels");
  const std::vector<std::size_t> counts = dataset.label_counts(samples_);
  const auto present = std::count_if(counts.begin(), counts.end(), [](auto n) { return n > 0; });
  require(present > 1, ErrorCode::kBadFile, "every face is labelled ",
          labels[static_cast<std::size_t>(dataset.samples[samples_.front()].label)],
          "; the recogniser learns to tell expressions apart, and needs at least two");
  class_weights_ = ofer::class_weights(counts, options_.recognise.balance);
  for (std::size_t c = 0; c < counts.size(); ++c)
    if (counts[c] == 0)
      report_.warn("no face is labelled " + labels[c] + "; it will not be recognised");
}

Image RecogniseStage::covered(const Image& face, std::size_t sample, SeededNumbers& numbers,
                              std::span<std::uint8_t> mask) const {
  // Pieces are cut from another face.
  Image other;
  if (samples_.size() > 1) {
    std::size_t from =
        samples_[static_cast<std::size_t>(numbers.index(static_cast<int>(samples_.size()) - 1))];
    if (from == sample) from = samples_.back();
    other = faces_.face(from);
  }
  const Occlusion made = occluder_.cover(face, other.empty() ? nullptr : &other, numbers);
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = made.patches[i] != PatchState::kClean;
  return made.picture;
}

void RecogniseStage::fill(TrainBatch& batch, std::uint64_t epoch,
                          std::span<const std::size_t> samples) const {
  const Config& config = model_.network().config();
  const PatchGrid grid = grid_of(config);
  const auto side = static_cast<std::size_t>(config.image_size);
  const std::size_t values = 3 * side * side, patches = grid.size();
  batch.count = static_cast<std::int64_t>(samples.size());
  batch.images.resize(samples.size() * values);
  batch.covered.assign(samples.size() * patches, 0);
  batch.labels.resize(samples.size());
  batch.latent_use.resize(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::size_t sample = samples_[samples[i]];
    const auto numbers = [&](RandomPurpose purpose) {
      return numbers_for(options_.seed, epoch, samples[i], purpose);
    };
    SeededNumbers look = numbers(RandomPurpose::kAugment);
    const Augmentation drawn = draw_augmentation(options_.augment, config.image_size, look);
    Image face = augmented(faces_.face(sample), drawn, config.image_size);
    const std::span<std::uint8_t> mask = std::span(batch.covered).subspan(i * patches, patches);
    SeededNumbers cover = numbers(RandomPurpose::kOcclude);
    const double place = double{cover.uniform()};
    if (place < options_.recognise.covered) {
      face = covered(face, sample, cover, mask);
    } else if (place < options_.recognise.covered + options_.recognise.masked) {
      SeededNumbers hidden = numbers(RandomPurpose::kMask);
      std::ranges::copy(draw_mask(grid, options_.masks, hidden), mask.begin());
    }
    to_planes(face, std::span(batch.images).subspan(i * values, values));
    batch.labels[i] = faces_.dataset().samples[sample].label;
    SeededNumbers use = numbers(RandomPurpose::kDropout);
    batch.latent_use[i] = use.chance(options_.recognise.no_latents) ? 0.0f : 1.0f;
  }
}

void RecogniseStage::prepare(Session& s, Staging& staging, const TrainBatch& batch) {
  const Network& network = model_.network();
  const Config& config = network.config();
  const std::int64_t n = batch.count, u = network.restored_size();
  require(n > 1, ErrorCode::kBadArgument,
          "batch norms need the statistics of at least 2 faces; a larger batch has them");
  batch_ = {};
  batch_.raw = send_images(s, staging, batch.images, n, config.image_size);
  const Tensor image = u == config.image_size ? batch_.raw : ops::resize(s, batch_.raw, u, u);
  selection_.assign(n, config.patch_count(), batch.covered);
  selection_.upload(s, staging);
  batch_.covered_flag = selection_.covered_flag();
  if (needs_autoencoder(batch)) {
    const Tensor vit = normalised(s, network, batch_.raw);
    Reconstruction made = allocate_reconstruction(s, network, image, selection_);
    reconstruct(s, network, options_.recognise.refine ? network.unet() : nullptr, vit, image,
                selection_, made);
    batch_.restored = made.restored;
    batch_.latent = made.latent;
    if (options_.recognise.no_latents > 0) {
      const Tensor use = s.allocate({n, 1, 1});
      staging.send(s, batch.latent_use, use);
      batch_.latent = ops::multiply(s, made.latent, use);
    }
  } else {
    batch_.restored = image;
    batch_.latent = ops::full(s, {n, config.patch_count(), config.latent_width()}, 0);
  }
  batch_.latent_rows = network.recogniser().send_latent_rows(s, staging, n, latent_rows_);
  batch_.label = s.allocate({n}, DType::kI32);
  staging.send(s, batch.labels, batch_.label);
  batch_.class_weight = s.allocate({static_cast<std::int64_t>(class_weights_.size())});
  staging.send(s, class_weights_, batch_.class_weight);
  batch_.smoothing = options_.recognise.smoothing;
}

Tensor RecogniseStage::loss(Session& s) {
  return recognise_loss(s, model_.network(), batch_);
}

void RecogniseStage::finish(Session& s, Staging&, WeightsDraft& draft) {
  if (!options_.recognise.relist) return;
  SessionOptions session;
  session.device = s.device();
  session.precision = s.precision();
  session.threads = s.threads();
  Pipeline pipeline(model_.shared_network(), session);
  std::vector<int>& list = draft.config.recogniser.latent_patches;
  const std::vector<int> leading =
      leading_patch_list(mean_attention(pipeline, faces_, samples_), list.size());
  move_patches(s, model_.parameter("recogniser.classifier.latent1.weight").value, list, leading);
  const auto stay = std::count_if(leading.begin(), leading.end(), [&](int patch) {
    return std::find(list.begin(), list.end(), patch) != list.end();
  });
  draft.notes.push_back(message("the list of patches is made anew: ", stay, " of ", list.size(),
                                " stay; train once more from these weights"));
  list = leading;
}

}  // namespace ofer
