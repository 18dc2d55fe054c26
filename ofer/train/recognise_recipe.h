// What training the recogniser is decided by (ofer/train/recognise_stage.h).
#pragma once

#include <string>

namespace ofer {

struct RecogniseRecipe {
  // How often a face is covered, by a drawn cover: then every patch that is not clean counts as
  // covered, as if detection had found them all. And how often patches are left out of an open
  // face. The other faces stay as they are.
  double covered = 0.4, masked = 0.2;
  // Covered faces are restored by the U-Net, where the network has one; else by the coarse image.
  bool refine = true;
  // How often the latent vectors of a face are all zero, so that the recogniser also does without.
  // At 1, with no face covered or masked, the autoencoder is not run at all.
  double no_latents = 0;
  double balance = 0;    // of the classes (ofer/train/class_weights.h)
  double smoothing = 0;  // of the labels (ofer/train/recognise_loss.h)
  // Behind training, the classifier's list of patches is made anew, of those that attention is
  // drawn to (ofer/train/patch_list.h). What it is to learn of new ones is for another run.
  bool relist = false;
  // Accuracy on the split "val" is measured every so many epochs; 0: never.
  double validate = 0;
  // Behind training the recogniser becomes the mean of itself and that of another weight file
  // (ofer/train/blend.h), of which it takes this share. In a plan the folder of an earlier stage
  // ("3-recognise") names its weights. Empty: it stays as it is.
  std::string blend_with;
  double blend = 0.5;
};

}  // namespace ofer
