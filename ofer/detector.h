// Stage 1: which patches are covered. ViT latents of every patch, and support vector data
// description: a patch is covered when its latent lies outside a sphere fitted on clean faces.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "engine/buffer.h"
#include "ofer/vit.h"
#include "weights/config.h"

namespace ofer {

class Detector {
 public:
  // `shared`: the autoencoder's encoder, used when the configuration gives the detector none of its
  // own; must outlive the detector.
  Detector(const layers::Parameters& p, const Config& config, const VitEncoder& shared);

  struct Output {
    Tensor distance;  // [N, L]: d of the one sphere, or exp(score), below
    Tensor mask;      // [N, L]: 1 where covered
  };

  // False for a model without spheres: its masks have to be given.
  bool available() const { return !spheres_.empty(); }

  // images [N, 3, S, S] normalised. Only where it is available. Taps: encoder/..., sphere0/feature,
  // sphere0/distance, ..., distance, mask.
  Output operator()(Session& s, const Tensor& images, const PatchSelection& selection) const;

  // Of a valid configuration (weights/config.h).
  static constexpr std::size_t kMostSpheres = 64;
  // For each sphere a tensor, undefined behind the last.
  using BySphere = std::array<Tensor, kMostSpheres>;
  std::size_t spheres() const { return spheres_.size(); }
  // The latents z [N, L, D of the sphere's taps] that each sphere sees. Taps: encoder/....
  BySphere latents(Session& s, const Tensor& images, const PatchSelection& selection) const;
  // phi(z) [N, L, F] of a deep sphere. Taps: sphere0/feature, ....
  Tensor feature(Session& s, std::size_t sphere, const Tensor& latent) const;
  // A sphere's distances d [N, L]. Taps: sphere0/feature, sphere0/distance, ....
  Tensor distance(Session& s, std::size_t sphere, const Tensor& latent) const;
  // All of it: each sphere's distances.
  BySphere distances(Session& s, const Tensor& images, const PatchSelection& selection) const;
  // sum_s w_s log(d_s / R_s^2) [N, L], averaged with the neighbours' where the configuration says
  // so: above 0 where covered.
  Tensor score(Session& s, const BySphere& distances) const;

  // What distances are compared with: a patch is covered when distance > radius^2.
  double radius() const { return radius_; }

 private:
  struct Sphere {
    std::vector<int> taps;  // block numbers; the encoder's depth stands for the final norm
    std::vector<Tensor> phi;
    Tensor center, support, alpha;
    Buffer constant_memory;
    Tensor constant;  // kernel: what its distances have in common
    Tensor radius;    // [1] or [L]
    double slope = 0, gamma = 0, weight = 1;
    bool deep = true, by_position = false;
  };

  std::unique_ptr<VitEncoder> own_;
  const VitEncoder* encoder_;
  std::vector<Sphere> spheres_;
  int blocks_ = 0;  // how deep the encoder has to run
  Buffer smoothing_memory_;
  Tensor smoothing_;    // [L, L], or undefined (ofer/score_smoothing.h)
  bool plain_ = false;  // one sphere for all patches: its own distance and radius are told
  double radius_ = 1;
};

}  // namespace ofer
