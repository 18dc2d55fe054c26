#include "ofer/train/reconstruct_loss.h"

#include <algorithm>
#include <cmath>

#include "engine/ops.h"

namespace ofer {
namespace {

// Margins of ops::relativistic_loss.
constexpr double kGenerator = -1, kDiscriminator = 1;

Tensor first_channels(Session& s, const Tensor& x, std::int64_t count) {
  return x.size(1) == count ? x : ops::slice(s, x, 1, 0, count);
}

}  // namespace

void check(const ReconstructWeights& weights) {
  const double all[] = {weights.reconstruction, weights.consistency, weights.semantic,
                        weights.adversarial};
  require(std::all_of(std::begin(all), std::end(all),
                      [](double w) { return std::isfinite(w) && w >= 0; }),
          ErrorCode::kBadArgument, "the weights of the losses are 0 or more");
  require(std::any_of(std::begin(all), std::end(all), [](double w) { return w > 0; }),
          ErrorCode::kBadArgument, "the weights of all losses are 0: there is nothing to learn");
}

ReconstructLoss::ReconstructLoss(const Network& network, const FeatureNetwork* features,
                                 const Discriminators* discriminators,
                                 const ReconstructWeights& weights)
    : network_(network), features_(features), discriminators_(discriminators), weights_(weights) {
  check(weights);
  require(network.unet() != nullptr, ErrorCode::kBadArgument,
          "the configuration has no U-Net to train");
  OFER_ASSERT(features != nullptr || (weights.consistency == 0 && weights.adversarial == 0));
  OFER_ASSERT(discriminators != nullptr || weights.adversarial == 0);
}

Tensor ReconstructLoss::logits(Session& s, const ReconstructBatch& batch,
                               const Tensor& images) const {
  const NotTraining frozen(s);
  return network_
      .recogniser()(s, recogniser_view(s, network_, images), batch.latent, batch.latent_rows)
      .logits;
}

void ReconstructLoss::prepare(Session& s, ReconstructBatch& batch) const {
  const std::int64_t n = batch.truth.size(0), size = batch.truth.size(2);
  const bool semantic = weights_.semantic > 0, deep = weights_.consistency > 0,
             fine = weights_.adversarial > 0;
  // Results first, so that what is computed on the way to them gives its memory back.
  if (semantic) batch.expected = s.allocate({n, network_.recogniser().classes()});
  if (deep) {
    const std::int64_t side = network_.config().unet->level_size(UNetConfig::kAssemblyLevel);
    batch.deep = s.allocate({n, features_->deep_channels(), side, side});
  }
  if (fine) {
    const std::int64_t side = features_->fine_size();
    batch.fine = s.allocate({n, features_->fine_channels(), side, side});
    batch.fake_fine = s.allocate(batch.fine.shape());
    batch.fake = s.allocate({n, 3, size, size});
  }
  const Workspace::Scope scope(s.workspace());
  if (semantic) ops::copy_to(s, ops::softmax(s, logits(s, batch, batch.truth), 1), batch.expected);
  if (!deep && !fine) return;
  const FeatureMaps maps = (*features_)(s, batch.truth, deep);
  if (deep)
    ops::copy_to(s, ops::resize(s, maps.deep, batch.deep.size(2), batch.deep.size(3)), batch.deep);
  if (fine) ops::copy_to(s, maps.fine, batch.fine);
}

Tensor ReconstructLoss::consistency(Session& s, const UNet::Features& found,
                                    const Tensor& wanted) const {
  const std::int64_t channels = std::min(found.assembled.size(1), wanted.size(1));
  const Tensor target = first_channels(s, wanted, channels);
  const Tensor weight = ops::multiply(s, ops::full(s, target.shape(), 1), found.hole);
  const auto distance = [&](const Tensor& map) {
    return ops::mean_square_loss(s, first_channels(s, map, channels), target, weight);
  };
  return ops::add(s, distance(found.assembled), distance(found.rising));
}

Tensor ReconstructLoss::operator()(Session& s, const ReconstructBatch& batch) const {
  UNet::Features found;
  const bool consistent = weights_.consistency > 0;
  Tensor refined =
      (*network_.unet())(s, batch.coarse, batch.image, batch.hole, consistent ? &found : nullptr);
  if (network_.config().unet->composite) {
    const Tensor around =
        ops::multiply(s, ops::scale(s, batch.image, 2, -1), ops::scale(s, batch.hole, -1, 1));
    refined = ops::add(s, ops::multiply(s, refined, batch.hole), around);
  }
  Tensor loss;
  const auto add = [&](const Tensor& part, double weight) {
    const Tensor weighted = ops::scale(s, part, weight);
    loss = loss.defined() ? ops::add(s, loss, weighted) : weighted;
  };
  if (weights_.reconstruction > 0)
    add(ops::l1_loss(s, refined, batch.truth), weights_.reconstruction);
  if (consistent) add(consistency(s, found, batch.deep), weights_.consistency);
  if (weights_.semantic > 0) {
    const Tensor found_log = ops::log_softmax(s, logits(s, batch, refined), 1);
    const Tensor sums = ops::sum(s, ops::multiply(s, found_log, batch.expected), 1);
    add(ops::mean(s, sums.view({1, sums.elements()}), 1), -weights_.semantic);
  }
  if (weights_.adversarial > 0) {
    const Tensor fine = (*features_)(s, refined, false).fine;
    add(ops::relativistic_loss(s, discriminators_->judge_images(s, batch.truth),
                               discriminators_->judge_images(s, refined), kGenerator),
        weights_.adversarial);
    add(ops::relativistic_loss(s, discriminators_->judge_features(s, batch.fine),
                               discriminators_->judge_features(s, fine), kGenerator),
        weights_.adversarial);
    ops::copy_to(s, refined, batch.fake);
    ops::copy_to(s, fine, batch.fake_fine);
  }
  return loss;
}

Tensor ReconstructLoss::discriminators(Session& s, const ReconstructBatch& batch) const {
  const Tensor of_images =
      ops::relativistic_loss(s, discriminators_->judge_images(s, batch.truth),
                             discriminators_->judge_images(s, batch.fake), kDiscriminator);
  const Tensor of_features =
      ops::relativistic_loss(s, discriminators_->judge_features(s, batch.fine),
                             discriminators_->judge_features(s, batch.fake_fine), kDiscriminator);
  return ops::add(s, of_images, of_features);
}

}  // namespace ofer
