#include "ofer/train/losses.h"

#include "engine/ops.h"

namespace ofer {
namespace {

// x [N, L, V]: each patch less its mean, over its deviation.
Tensor standardised(Session& s, const Tensor& x) {
  const Shape each{x.size(0), x.size(1), 1};
  const auto values = static_cast<double>(x.size(2));
  const Tensor centred = ops::subtract(s, x, ops::mean(s, x, 2).view(each));
  const Tensor squares = ops::sum(s, ops::square(s, centred), 2);
  const Tensor deviation = ops::square_root(s, ops::scale(s, squares, 1 / (values - 1), 1e-6));
  return ops::divide(s, centred, deviation.view(each));
}

// Mean of x where `weight` (the same shape, 0 or 1) is 1; x is nowhere negative.
Tensor mean_where(Session& s, const Tensor& x, const Tensor& weight) {
  return ops::l1_loss(s, x, ops::full(s, x.shape(), 0), weight);
}

}  // namespace

Tensor mae_loss(Session& s, const Autoencoder& autoencoder, const Tensor& images,
                const PatchSelection& selection, int patch, bool norm_pix_loss) {
  const Tensor prediction = autoencoder.predict(s, images, selection);
  Tensor target = ops::to_patches(s, images, patch, false);
  if (norm_pix_loss) target = standardised(s, target);
  const Shape each{target.size(0), target.size(1), 1};
  const Tensor weight =
      ops::multiply(s, ops::full(s, target.shape(), 1), selection.covered_mask().view(each));
  return ops::mean_square_loss(s, prediction, target, weight);
}

Tensor svdd_loss(Session& s, const Tensor& distance, const Tensor& radius, const Tensor& clean,
                 const Tensor& covered, const SvddObjective& objective) {
  const Tensor squared = ops::square(s, radius);
  Tensor loss;
  if (objective.soft_boundary) {
    const Tensor beyond = ops::relu(s, ops::subtract(s, distance, squared));
    loss = ops::scale(s, mean_where(s, beyond, clean), 1 / objective.nu);
    loss = ops::add(s, loss, ops::mean(s, squared.view({1, squared.elements()}), 1));
  } else {
    loss = mean_where(s, distance, clean);
  }
  if (objective.outside_weight == 0) return loss;
  Tensor push;
  if (objective.inverse) {
    push = ops::divide(s, ops::full(s, {1}, 1), ops::scale(s, distance, 1, 1e-6));
  } else {
    const Tensor edge = ops::scale(s, squared, 1, objective.margin);
    push = ops::relu(s, ops::subtract(s, edge, distance));
  }
  return ops::add(s, loss, ops::scale(s, mean_where(s, push, covered), objective.outside_weight));
}

}  // namespace ofer
