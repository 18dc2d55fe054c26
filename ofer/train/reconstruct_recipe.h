// What training the U-Net is decided by (ofer/train/reconstruct_loss.h, reconstruct_stage.h).
#pragma once

#include <string>

namespace ofer {

// How much each part of the objective counts, the paper's shares; one at 0 is not computed.
struct ReconstructWeights {
  double reconstruction = 1;   // l_re
  double consistency = 0.01;   // l_c
  double semantic = 1;         // l_sc
  double adversarial = 0.002;  // l_d, of both discriminators
};

// Throws kBadArgument for a weight below 0 or not finite, and when all are 0.
void check(const ReconstructWeights& weights);

struct ReconstructRecipe {
  ReconstructWeights weights;
  int discriminator_width = 64;  // of the first convolution; the others are multiples of it
  // A checkpoint of VGG-16 (ofer/train/vgg_features.h); empty: the recogniser's own features serve.
  std::string vgg;
};

}  // namespace ofer
