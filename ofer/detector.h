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
    Tensor distance;  // [N, L]: d of the one sphere, or exp(sum_s w_s log(d_s / R_s^2))
    Tensor mask;      // [N, L]: 1 where covered
  };

  // False for a model without spheres: its masks have to be given.
  bool available() const { return !spheres_.empty(); }

  // images [N, 3, S, S] normalised. Only where it is available. Taps: encoder/..., sphere0/feature,
  // sphere0/distance, ..., distance, mask.
  Output operator()(Session& s, const Tensor& images, const PatchSelection& selection) const;

  // Of a valid configuration (weights/config.h).
  static constexpr std::size_t kMostSpheres = 64;
  // Each sphere's distances d [N, L]; undefined behind the last. Taps: encoder/...,
  // sphere0/feature, sphere0/distance, ....
  std::array<Tensor, kMostSpheres> distances(Session& s, const Tensor& images,
                                             const PatchSelection& selection) const;

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

  Tensor sphere_distance(Session& s, const Sphere& sphere, const Tensor& z) const;

  std::unique_ptr<VitEncoder> own_;
  const VitEncoder* encoder_;
  std::vector<Sphere> spheres_;
  int blocks_ = 0;  // how deep the encoder has to run
  double radius_ = 1;
};

}  // namespace ofer
