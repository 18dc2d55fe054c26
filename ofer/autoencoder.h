// Stage 2a: the masked autoencoder. Encoder over the visible patches only, decoder over all: a coarse
// image, and the latent vectors that recognition uses.
#pragma once

#include "ofer/vit.h"
#include "weights/config.h"

namespace ofer {

class Autoencoder {
 public:
  Autoencoder(const layers::Parameters& p, const Config& config);

  const VitEncoder& encoder() const { return encoder_; }

  struct Output {
    Tensor latent;  // [N, L, W]
    Tensor coarse;  // [N, 3, S, S] in [0, 1]; undefined when it was not asked for
  };

  // images [N, 3, S, S] normalised; mean, deviation [3, 1, 1] of the normalisation.
  // Taps: encoder/..., decoder/..., latent, coarse.
  Output operator()(Session& s, const Tensor& images, const PatchSelection& selection,
                    const Tensor& mean, const Tensor& deviation) const;

  // What the decoder says of every patch, [N, L, p p 3]: normalised pixels (row, column, channel),
  // or, with norm_pix_loss, standardised ones. Taps: encoder/..., decoder/...
  Tensor predict(Session& s, const Tensor& images, const PatchSelection& selection) const;

 private:
  struct Decoded {
    Tensor encoded;  // packed tokens of the visible patches [rows, D]
    VitDecoder::Output out;
  };
  Decoded decode(Session& s, const Tensor& images, const PatchSelection& selection) const;
  Tensor undo_patch_normalisation(Session& s, const Tensor& prediction, const Tensor& images,
                                  const PatchSelection& selection) const;

  VitEncoder encoder_;
  VitDecoder decoder_;
  int patch_, rows_, columns_;
  bool norm_pix_loss_, encoder_latents_;
};

}  // namespace ofer
