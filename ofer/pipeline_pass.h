// What the stages of one pass hand on. Of the pipeline's own files only.
#pragma once

#include "ofer/pipeline.h"
#include "ofer/reconstruction.h"

namespace ofer {

// In memory that lasts for the pass.
struct Pipeline::Pass {
  Pass(const Inputs& inputs_, const Request& request_) : inputs(inputs_), request(request_) {}
  const Inputs& inputs;
  const Request& request;
  Tensor raw;       // [N, 3, S, S] in [0, 1]
  Tensor vit;       // [N, 3, S, S] normalised
  Tensor image;     // [N, 3, U, U] in [0, 1]
  Tensor distance;  // [N, L], when detected
  Tensor covered;   // [N, L], when detected: 1 for a covered patch
  Reconstruction made;
  Tensor attention;    // [N, rows, columns]
  Tensor latent_rows;  // of the chosen patches, when a fixed list chooses
  Tensor chosen;       // [N, L]
  Tensor seed;  // [N, classes]: 1 for the class that Grad-CAM explains, when one was asked for
  Tensor probabilities;  // [N, classes]
  Tensor grad_cam;       // [N, h, w]
};

}  // namespace ofer
