// The objectives of training, each [1], recorded on the session's tape.
#pragma once

#include "engine/session.h"
#include "ofer/autoencoder.h"
#include "ofer/patch_selection.h"

namespace ofer {

// Mean of (prediction - pixels)^2 over the covered patches of a batch (MAE, He et al. 2022):
// normalised pixels, or with `norm_pix_loss` pixels standardised patch by patch,
// (v - mean) / sqrt(variance + 1e-6), variance divided by p p 3 - 1. images [N, 3, S, S]
// normalised; `selection` uploaded in this scope. 0 when nothing is covered.
Tensor mae_loss(Session& s, const Autoencoder& autoencoder, const Tensor& images,
                const PatchSelection& selection, int patch, bool norm_pix_loss);

// What a sphere's patches are drawn to and pushed from (section 2.2 of the method; deep SVDD, Ruff
// et al. 2018).
struct SvddObjective {
  bool soft_boundary = false;  // R^2 + mean max(0, d - R^2) / nu, in place of mean d
  double nu = 0.1;
  // Covered patches are pushed out by outside_weight times the mean of max(0, R^2 + margin - d),
  // or, with `inverse`, of 1 / (d + 1e-6).
  double outside_weight = 0;
  double margin = 1;
  bool inverse = false;
};
// distance, clean, covered [N, L] (1 or 0; a patch may be neither), radius [1] or [L]. The means
// are over the clean, and over the covered, patches. The radius gets no gradient: it is a quantile.
Tensor svdd_loss(Session& s, const Tensor& distance, const Tensor& radius, const Tensor& clean,
                 const Tensor& covered, const SvddObjective& objective);

}  // namespace ofer
