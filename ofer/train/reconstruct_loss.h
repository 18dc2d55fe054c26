// The U-Net's objective and its discriminators' (section 4.6 of the method).
#pragma once

#include "ofer/network.h"
#include "ofer/train/discriminators.h"
#include "ofer/train/feature_network.h"
#include "ofer/train/reconstruct_recipe.h"

namespace ofer {

// A batch as the U-Net is trained on it. The stages beside it stay as they are: what they make is
// computed before a tape records.
struct ReconstructBatch {
  // [N, 3, U, U] in [0, 1]; of `image` only what is outside the hole is looked at, of `coarse` only
  // what is inside.
  Tensor image, coarse;
  Tensor truth;                // [N, 3, U, U] in [-1, 1]
  Tensor hole;                 // [N, 1, U, U], 1 inside; may be empty
  Tensor latent, latent_rows;  // the recogniser's, of the covered image

  // Of the truth: ReconstructLoss::prepare.
  Tensor expected;  // [N, classes], how probable the recogniser finds each expression
  Tensor deep;      // [N, C, U / 8, U / 8]
  Tensor fine;      // [N, C', h, w]
  // For the discriminators' turn: what the U-Net made of the batch, and the fine maps of it.
  Tensor fake, fake_fine;
};

// L = l_re L_re + l_c L_c + l_sc L_sc + l_d (L_d + L_df).
//
//   L_re  mean |refined - truth|, both in [-1, 1]. The paper adds the same of the coarse image; the
//         autoencoder stays as it is here, so that term is a constant and left out.
//   L_c   mean (f - t)^2 over the masked positions and channels, once with f the U-Net's map behind
//         the self-assembly and once with the one that comes up to it (UNet::Features), t the
//         feature network's deep map of the truth, resized to theirs; as many channels, from the
//         first on, as both have. 0 without a masked position.
//   L_sc  mean over the images of - sum_c p_c log q_c, p and q the recogniser's probabilities of
//   the
//         truth and of the refined image, both at the U-Net's size and with the latents of the
//         autoencoder for the covered image: so that they differ by what was painted alone.
//   L_d, L_df  relativistic average least squares with the signs of the generator, of the image and
//         the feature discriminator; the latter sees the fine maps of truth and refined image.
//
// With `composite` in the configuration, "refined" is what the pipeline hands on: the U-Net's image
// in the hole, the given one around it. It is not clamped, so that a pixel beyond keeps its
// gradient.
//
// Borrows all; those that no weight asks for may be null. Used by one thread at a time.
class ReconstructLoss {
 public:
  // Throws kBadArgument: check(weights), a network without a U-Net.
  ReconstructLoss(const Network& network, const FeatureNetwork* features,
                  const Discriminators* discriminators, const ReconstructWeights& weights);

  // What of the truth is compared with, and room for the discriminators' turn.
  void prepare(Session& s, ReconstructBatch& batch) const;
  // The objective [1], recorded; fills batch.fake and batch.fake_fine.
  Tensor operator()(Session& s, const ReconstructBatch& batch) const;
  // The discriminators' objective [1] behind it: the sum of both, with their own signs.
  Tensor discriminators(Session& s, const ReconstructBatch& batch) const;

 private:
  Tensor logits(Session& s, const ReconstructBatch& batch, const Tensor& images) const;
  Tensor consistency(Session& s, const UNet::Features& found, const Tensor& wanted) const;

  const Network& network_;
  const FeatureNetwork* features_;
  const Discriminators* discriminators_;
  ReconstructWeights weights_;
};

}  // namespace ofer
