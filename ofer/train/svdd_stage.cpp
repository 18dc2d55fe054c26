#include "ofer/train/svdd_stage.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include "engine/ops.h"
#include "ofer/data/random.h"
#include "ofer/score_smoothing.h"
#include "ofer/train/batch_images.h"
#include "ofer/train/kernel_fit.h"
#include "ofer/train/losses.h"
#include "ofer/train/quantile.h"
#include "ofer/train/sphere_fit.h"
#include "ofer/train/whitening.h"

namespace ofer {
namespace {

// Faces of one pass where nothing is learned.
constexpr std::size_t kPassFaces = 64;

bool is_trained(const SphereConfig& sphere) {
  return sphere.kind == SphereKind::kDeep && sphere.widths.size() > 1;
}

std::string name_of_sphere(std::size_t k) {
  return message("detector.sphere", k);
}

}  // namespace

SvddStage::SvddStage(const Trainable& model, const FaceStore& faces,
                     std::vector<std::size_t> samples, const SvddStageOptions& options)
    : model_(model), faces_(faces), options_(options), occluder_(options.covers) {
  check(options_.augment);
  check(options_.masks);
  const Config& config = model.network().config();
  require(!config.detector.spheres.empty(), ErrorCode::kBadArgument,
          "the configuration has no spheres; detector.spheres says which to make");
  for (std::size_t k = 0; k < config.detector.spheres.size(); ++k) {
    if (is_trained(config.detector.spheres[k])) trained_.push_back(k);
    require(config.detector.spheres[k].kind != SphereKind::kKernel || kernel_fit_available(),
            ErrorCode::kUnsupported,
            "kernel spheres are fitted by libsvm, which this program was built without; install "
            "libsvm-dev and build again");
  }
  own_encoder_ = config.detector.encoder.has_value();
  with_autoencoder_ = options_.svdd.encoder && !own_encoder_ && !trained_.empty() &&
                      options_.svdd.autoencoder_weight > 0;
  // A face may be there several times; it is on one side or the other.
  std::sort(samples.begin(), samples.end());
  std::vector<std::size_t> faces_once;
  std::unique_copy(samples.begin(), samples.end(), std::back_inserter(faces_once));
  require(
      faces_once.size() >= 2, ErrorCode::kBadArgument,
      "one face cannot be both learned from and held out for the radius; two or more are needed");
  SeededNumbers numbers = numbers_for(options.seed, 0, 0, RandomPurpose::kOther);
  shuffle(std::span(faces_once), numbers);
  const auto share = static_cast<std::size_t>(
      std::llround(options.svdd.held_out * static_cast<double>(faces_once.size())));
  faces_once.resize(std::clamp<std::size_t>(share, 1, faces_once.size() - 1));
  held_out_ = std::move(faces_once);
  std::sort(held_out_.begin(), held_out_.end());
  std::copy_if(samples.begin(), samples.end(), std::back_inserter(training_), [&](auto sample) {
    return !std::binary_search(held_out_.begin(), held_out_.end(), sample);
  });
}

const SphereConfig& SvddStage::sphere(std::size_t k) const {
  return model_.network().config().detector.spheres[k];
}

Tensor SvddStage::weight(std::size_t k, const std::string& name) const {
  return model_.parameter(name_of_sphere(k) + "." + name).value;
}

std::vector<std::string> SvddStage::learned() const {
  std::vector<std::string> names;
  for (const std::size_t k : trained_) names.push_back(name_of_sphere(k) + ".phi");
  if (!trained_.empty() && options_.svdd.encoder)
    names.push_back(own_encoder_        ? "detector.encoder."
                    : with_autoencoder_ ? "mae."
                                        : "mae.encoder.");
  return names;
}

void SvddStage::fill(TrainBatch& batch, std::uint64_t epoch,
                     std::span<const std::size_t> samples) const {
  const Config& config = model_.network().config();
  const std::size_t patches = options_.covers.grid.size();
  const auto side = static_cast<std::size_t>(config.image_size);
  const std::size_t values = 3 * side * side;
  batch.count = static_cast<std::int64_t>(samples.size());
  batch.images.resize(samples.size() * values);
  batch.covered.assign(samples.size() * patches, 0);
  batch.clean.assign(samples.size() * patches, 1);
  batch.truth.resize(with_autoencoder_ ? samples.size() * values : 0);
  batch.masked.resize(with_autoencoder_ ? samples.size() * patches : 0);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::size_t sample = training_[samples[i]];
    SeededNumbers look = numbers_for(options_.seed, epoch, samples[i], RandomPurpose::kAugment);
    Image face =
        augmented(faces_.face(sample), draw_augmentation(options_.augment, config.image_size, look),
                  config.image_size);
    if (with_autoencoder_) {
      to_planes(face, std::span(batch.truth).subspan(i * values, values));
      SeededNumbers holes = numbers_for(options_.seed, epoch, samples[i], RandomPurpose::kMask);
      const std::vector<std::uint8_t> mask = draw_mask(options_.covers.grid, options_.masks, holes);
      std::copy(mask.begin(), mask.end(),
                batch.masked.begin() + static_cast<std::ptrdiff_t>(i * patches));
    }
    SeededNumbers numbers = numbers_for(options_.seed, epoch, samples[i], RandomPurpose::kOcclude);
    if (options_.svdd.outside_weight > 0 && numbers.chance(options_.svdd.covered)) {
      const std::size_t from = training_[static_cast<std::size_t>(
          numbers.next() % static_cast<std::uint64_t>(training_.size()))];
      const Image other = augmented(faces_.face(from), {}, config.image_size);
      Occlusion covered = occluder_.cover(face, &other, numbers);
      face = std::move(covered.picture);
      for (std::size_t p = 0; p < patches; ++p) {
        batch.covered[i * patches + p] = covered.patches[p] == PatchState::kCovered;
        batch.clean[i * patches + p] = covered.patches[p] == PatchState::kClean;
      }
    }
    to_planes(face, std::span(batch.images).subspan(i * values, values));
  }
}

void SvddStage::prepare(Session& s, Staging& staging, const TrainBatch& batch) {
  const Config& config = model_.network().config();
  const std::int64_t patches = config.patch_count();
  images_ = normalised(s, model_.network(),
                       send_images(s, staging, batch.images, batch.count, config.image_size));
  selection_.assign(batch.count, patches, {});
  selection_.upload(s, staging);
  const auto send = [&](const std::vector<std::uint8_t>& bits) {
    const Tensor tensor = s.allocate({batch.count, patches});
    masks_.assign(bits.begin(), bits.end());
    if (!s.counting()) staging.send(s, masks_, tensor);
    return tensor;
  };
  if (with_autoencoder_) {
    truth_ = normalised(s, model_.network(),
                        send_images(s, staging, batch.truth, batch.count, config.image_size));
    masked_.assign(batch.count, patches, batch.masked);
    masked_.upload(s, staging);
  }
  clean_ = send(batch.clean);
  covered_ = send(batch.covered);
  batch_clean_ = batch.clean;
}

Tensor SvddStage::loss(Session& s) {
  OFER_ASSERT(!trained_.empty());
  const Detector& detector = model_.network().detector();
  const Detector::BySphere latents = detector.latents(s, images_, selection_);
  SvddObjective objective;
  objective.soft_boundary = options_.svdd.soft_boundary;
  objective.nu = options_.svdd.nu;
  objective.outside_weight = options_.svdd.outside_weight;
  objective.margin = options_.svdd.margin;
  objective.inverse = options_.svdd.inverse;
  Tensor loss;
  distances_.clear();
  for (const std::size_t k : trained_) {
    distances_.push_back(detector.distance(s, k, latents[k]));
    const Tensor term =
        svdd_loss(s, distances_.back(), weight(k, "radius"), clean_, covered_, objective);
    loss = loss.defined() ? ops::add(s, loss, term) : term;
  }
  if (!with_autoencoder_) return loss;
  const Config& config = model_.network().config();
  const Tensor painted = mae_loss(s, model_.network().autoencoder(), truth_, masked_,
                                  config.patch_size, config.decoder.norm_pix_loss);
  return ops::add(s, loss, ops::scale(s, painted, options_.svdd.autoencoder_weight));
}

template <class Use>
void SvddStage::each_batch(Session& s, Staging& staging, const std::vector<std::size_t>& samples,
                           Use&& use) {
  const Config& config = model_.network().config();
  const auto side = static_cast<std::size_t>(config.image_size);
  const std::size_t values = 3 * side * side;
  for (std::size_t first = 0; first < samples.size(); first += kPassFaces) {
    const std::size_t count = std::min(kPassFaces, samples.size() - first);
    planes_.resize(count * values);
    for (std::size_t i = 0; i < count; ++i)
      to_planes(augmented(faces_.face(samples[first + i]), {}, config.image_size),
                std::span(planes_).subspan(i * values, values));
    const auto pass = [&] {
      const Workspace::Scope scope(s.workspace());
      staging.begin();
      const auto n = static_cast<std::int64_t>(count);
      const Tensor images =
          normalised(s, model_.network(), send_images(s, staging, planes_, n, config.image_size));
      selection_.assign(n, config.patch_count(), {});
      selection_.upload(s, staging);
      use(n, model_.network().detector().latents(s, images, selection_));
    };
    s.plan(pass);
    pass();
  }
}

void SvddStage::begin(Session& s, Staging& staging) {
  if (trained_.empty()) return;
  const std::vector<std::size_t> faces =
      some_of(training_, static_cast<std::size_t>(options_.svdd.fitted_faces), options_.seed);
  std::vector<std::vector<float>> features(trained_.size());
  each_batch(s, staging, faces, [&](std::int64_t, const Detector::BySphere& latents) {
    for (std::size_t i = 0; i < trained_.size(); ++i) {
      const Tensor feature =
          model_.network().detector().feature(s, trained_[i], latents[trained_[i]]);
      if (s.counting()) continue;
      staging.fetch(s, std::span(&feature, 1));
      const std::span<const float> now = staging.fetched(0);
      features[i].insert(features[i].end(), now.begin(), now.end());
    }
  });
  for (std::size_t i = 0; i < trained_.size(); ++i) {
    const std::size_t k = trained_[i];
    const SphereConfig& c = sphere(k);
    const Tensor center = weight(k, "center"), radius = weight(k, "radius");
    const Tensor last = weight(k, message("phi", c.widths.size() - 1, ".weight"));
    const SphereStart start = sphere_start(features[i], center.elements() / c.widths.back(),
                                           c.widths.back(), options_.svdd.nu);
    write_values(s, center, start.center);
    write_values(s, radius, start.radius);
    std::vector<float> values = read_values(s, last);
    for (float& value : values) value = static_cast<float>(value * start.scale);
    write_values(s, last, values);
  }
}

void SvddStage::after_step(Session& s, Staging& staging, std::uint64_t epoch) {
  if (!options_.svdd.soft_boundary || static_cast<double>(epoch) < options_.svdd.soft_after) return;
  staging.fetch(s, distances_);
  for (std::size_t i = 0; i < trained_.size(); ++i) {
    const std::span<const float> distance = staging.fetched(i);
    const Tensor radius = weight(trained_[i], "radius");
    const auto groups = static_cast<std::size_t>(radius.elements());
    std::vector<float> radii = read_values(s, radius);
    for (std::size_t group = 0; group < groups; ++group) {
      std::vector<float> clean;
      for (std::size_t p = group; p < distance.size(); p += groups)
        if (batch_clean_[p]) clean.push_back(std::sqrt(distance[p]));
      if (!clean.empty()) radii[group] = upper_quantile(clean, options_.svdd.nu);
    }
    write_values(s, radius, radii);
  }
}

void SvddStage::finish(Session& s, Staging& staging, WeightsDraft& draft) {
  const Detector& detector = model_.network().detector();
  const std::size_t spheres = detector.spheres();
  const std::int64_t patches = model_.network().config().patch_count();
  // The forms that need a look at the latents of clean faces.
  std::vector<std::optional<Whitening>> whitenings(spheres);
  std::vector<std::optional<KernelSample>> kernels(spheres);
  for (std::size_t k = 0; k < spheres; ++k) {
    const SphereConfig& c = sphere(k);
    const std::int64_t groups = c.by_position ? patches : 1;
    const std::int64_t width = c.latent_width(model_.network().config().detector_encoder());
    if (c.kind == SphereKind::kKernel)
      kernels[k].emplace(groups, width, c.support, options_.svdd.kernel_nu, options_.seed);
    else if (!is_trained(c))
      whitenings[k].emplace(groups, width);
  }
  const std::vector<std::size_t> faces =
      some_of(training_, static_cast<std::size_t>(options_.svdd.fitted_faces), options_.seed);
  each_batch(s, staging, faces, [&](std::int64_t count, const Detector::BySphere& latents) {
    if (s.counting()) return;
    for (std::size_t k = 0; k < spheres; ++k) {
      if (!whitenings[k] && !kernels[k]) continue;
      staging.fetch(s, std::span(&latents[k], 1));
      if (whitenings[k]) whitenings[k]->add(staging.fetched(0), count, s.threads());
      if (kernels[k]) kernels[k]->add(staging.fetched(0), count);
    }
  });
  for (std::size_t k = 0; k < spheres; ++k) {
    if (whitenings[k]) {
      const Whitening::Map map =
          whitenings[k]->solve(sphere(k).widths[0], options_.svdd.ridge, s.threads());
      write_values(s, weight(k, "phi0.weight"), map.phi);
      write_values(s, weight(k, "center"), map.center);
      draft.notes.push_back(
          message("sphere", k, ": whitening, in closed form, of ", faces.size(), " faces"));
    }
    if (kernels[k]) {
      const KernelFits fits = kernels[k]->fit(sphere(k).gamma);
      write_values(s, weight(k, "support"), fits.support);
      write_values(s, weight(k, "alpha"), fits.alpha);
      draft.notes.push_back(message("sphere", k, ": ", fits.most, " support vectors at most, of ",
                                    fits.latents, " latents"));
    }
  }
  find_radii(s, staging, draft);
}

void SvddStage::find_radii(Session& s, Staging& staging, WeightsDraft& draft) {
  const Detector& detector = model_.network().detector();
  const std::size_t spheres = detector.spheres();
  std::vector<std::vector<float>> distances(spheres);
  each_batch(s, staging, held_out_, [&](std::int64_t, const Detector::BySphere& latents) {
    for (std::size_t k = 0; k < spheres; ++k) {
      Tensor distance;
      if (sphere(k).kind == SphereKind::kKernel) {
        // The detector's own constant is of the support vectors that it was made with.
        const Tensor support = weight(k, "support"), alpha = weight(k, "alpha");
        const Tensor constant = ops::kernel_svdd_constant(s, support, alpha, sphere(k).gamma);
        distance = ops::kernel_svdd(s, latents[k], support, alpha, constant, sphere(k).gamma);
      } else {
        distance = detector.distance(s, k, latents[k]);
      }
      if (s.counting()) continue;
      staging.fetch(s, std::span(&distance, 1));
      const std::span<const float> now = staging.fetched(0);
      distances[k].insert(distances[k].end(), now.begin(), now.end());
    }
  });
  std::vector<double> weights;
  for (std::size_t k = 0; k < spheres; ++k) weights.push_back(sphere(k).weight);
  const auto patches = static_cast<std::size_t>(model_.network().config().patch_count());
  std::vector<std::size_t> groups;
  for (std::size_t k = 0; k < spheres; ++k) groups.push_back(sphere(k).by_position ? patches : 1);
  const Config& config = model_.network().config();
  std::vector<double> smoothing;
  if (config.detector.smoothing > 0)
    smoothing =
        score_smoothing(config.patch_rows(), config.patch_columns(), config.detector.smoothing);
  const std::vector<std::vector<float>> radii =
      joint_radii(distances, groups, weights, options_.svdd.outside, smoothing);
  for (std::size_t k = 0; k < spheres; ++k) write_values(s, weight(k, "radius"), radii[k]);
  draft.notes.push_back(message("radii: ", 100 * options_.svdd.outside, " % of the patches of ",
                                held_out_.size(), " held-out faces lie outside"));
}

}  // namespace ofer
