// Stage 2 over a batch: the latent vectors, and the faces as they are behind their covers.
#pragma once

#include "ofer/network.h"
#include "ofer/patch_selection.h"

namespace ofer {

struct Reconstruction {
  Tensor latent;    // [N, L, W]
  Tensor coarse;    // [N, 3, S, S] in [0, 1]
  Tensor restored;  // [N, 3, U, U] in [0, 1]; an image without a covered patch as it came
};

// Memory for the results of a batch, taken before what they are computed with, so that they outlast
// it. image [N, 3, U, U]: where no image has a covered patch, it is what is restored.
Reconstruction allocate_reconstruction(Session& s, const Network& network, const Tensor& image,
                                       const PatchSelection& selection);

// Fills `result`. vit [N, 3, S, S] normalised, image [N, 3, U, U] in [0, 1], the same pictures;
// `selection` uploaded. Only the images that have a covered patch are restored: by `unet`, the
// network's, or, with null, by the coarse image inside the hole. Not recorded.
// Taps: encoder/..., decoder/..., latent, coarse, unet/..., restored.
void reconstruct(Session& s, const Network& network, const UNet* unet, const Tensor& vit,
                 const Tensor& image, const PatchSelection& selection, Reconstruction& result);

}  // namespace ofer
