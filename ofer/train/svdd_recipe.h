// What training the detector's spheres is decided by (ofer/train/svdd_stage.h).
#pragma once

#include <cstdint>

namespace ofer {

struct SvddRecipe {
  // R^2 + mean max(0, d - R^2) / nu, in place of mean d.
  bool soft_boundary = false;
  double nu = 0.1;         // the share of clean patches that lies outside while training
  double soft_after = 10;  // epochs of the mean of d before the soft boundary's radius moves
  // Covered patches are pushed out (ofer/train/losses.h); 0: unoccluded faces alone teach.
  double outside_weight = 1;
  double margin = 1;  // in radii squared
  bool inverse = false;
  double covered = 0.75;  // the share of faces that are covered, where covers teach
  // The encoder learns along: the detector's own, or, where it looks through the autoencoder's,
  // that one, with the autoencoder's objective times this weight beside the spheres', since a
  // decoder whose encoder moved alone would not understand it any more.
  bool encoder = true;
  double autoencoder_weight = 1;
  // Behind training: this share of the faces is held out of it, and the radii are such that of
  // their clean patches `outside` lies beyond.
  double held_out = 0.1;
  double outside = 0.02;
  // Closed forms see at most so many faces; kernel spheres are fitted with this nu.
  std::int64_t fitted_faces = 4096;
  double kernel_nu = 0.05;
  // Added to the diagonal of covariances, in shares of its mean.
  double ridge = 1e-3;
};

}  // namespace ofer
