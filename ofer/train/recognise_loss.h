// The recogniser's objective, [1], recorded on the session's tape.
#pragma once

#include "ofer/network.h"

namespace ofer {

// A batch as the recogniser is trained on it. Images and latents come from the stages before it,
// which stay as they are.
struct RecogniseBatch {
  Tensor raw;           // [N, 3, S, S] in [0, 1]
  Tensor restored;      // [N, 3, U, U] in [0, 1]
  Tensor covered_flag;  // [N], 1 where an image has a covered patch: it is seen restored
  Tensor latent;        // [N, L, W]
  Tensor latent_rows;   // Recogniser::send_latent_rows(N)
  Tensor label;         // i32 [N]
  Tensor class_weight;  // [classes], or undefined: all 1
};

// Cross entropy (section 5.5 of the method): the mean over the images of w_t (-log p_t), t an
// image's label, weighted by w_t. In a session that trains, the statistics of batch norms are the
// batch's, and their running ones move.
Tensor recognise_loss(Session& s, const Network& network, const RecogniseBatch& batch);

}  // namespace ofer
