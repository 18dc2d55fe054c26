// The recogniser's objective, [1], recorded on the session's tape.
#pragma once

#include "ofer/network.h"

namespace ofer {

// A batch as the recogniser is trained on it. Images and latents come from the stages before it,
// which stay as they are.
struct RecogniseBatch {
  Tensor raw;            // [N, 3, S, S] in [0, 1]
  Tensor restored;       // [N, 3, U, U] in [0, 1]
  Tensor covered_flag;   // [N], 1 where an image has a covered patch: it is seen restored
  Tensor latent;         // [N, L, W]
  Tensor latent_rows;    // Recogniser::send_latent_rows(N)
  Tensor label;          // i32 [N]
  Tensor class_weight;   // [classes], or undefined: all 1
  double smoothing = 0;  // e below
};

// Cross entropy (section 5.5 of the method): L = sum of w_t (-log p_t) / sum of w_t over the
// images, t an image's label. With label smoothing (Szegedy et al. 2016) (1 - e) L + e U, U the
// mean of -log p over images and classes: unweighted, since it is to hold any answer back. In a
// session that trains, the statistics of batch norms are the batch's, and their running ones move.
Tensor recognise_loss(Session& s, const Network& network, const RecogniseBatch& batch);

}  // namespace ofer
