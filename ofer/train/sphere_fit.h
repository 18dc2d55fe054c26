// What is found about spheres and not learned: where training starts, supports, radii. Host
// arithmetic alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/session.h"
#include "engine/tensor.h"

namespace ofer {

// At most `most` of the samples, drawn by the seed, in their order.
std::vector<std::size_t> some_of(const std::vector<std::size_t>& samples, std::size_t most,
                                 std::uint64_t seed);

// A tensor's values as floats, and back, on whichever device it is.
std::vector<float> read_values(Session& s, const Tensor& tensor);
void write_values(Session& s, const Tensor& tensor, std::span<const float> values);

// Where the training of a sphere starts (section 2.2 of the method; Ruff et al. 2018).
struct SphereStart {
  double scale = 1;           // what phi's last map is multiplied by
  std::vector<float> center;  // [groups, F]
  std::vector<float> radius;  // [groups]
};
// features [count, L, F] of clean patches, `groups` of them (L, or 1 for all patches together). The
// centre is their mean, each coordinate at least 0.1 away from 0, by its own sign; the radius the
// 1 - nu quantile of the distances. Distances scale with phi, which is why everything is first
// multiplied by what makes the radius (by position: their mean) 1.
SphereStart sphere_start(std::span<const float> features, std::int64_t groups, std::int64_t width,
                         double nu);

// Radii [sphere][groups] from distances d [sphere][faces * L] of clean patches. Each sphere's
// radius^2 is first the 1 - outside quantile of its d; by position, each position's mean d times
// one factor, since a quantile of a position alone would rest on few faces. Then all radii^2 are
// multiplied by one factor such that the share `outside` of the patches has a score
// sum_k weights_k log(d_k / R_k^2) above 0. `smoothing` [L, L], or empty: averages a face's scores
// (ofer/score_smoothing.h).
std::vector<std::vector<float>> joint_radii(const std::vector<std::vector<float>>& distances,
                                            const std::vector<std::size_t>& groups,
                                            const std::vector<double>& weights, double outside,
                                            std::span<const double> smoothing = {});

struct KernelFits {
  std::vector<float> support;  // [groups, S, D]
  std::vector<float> alpha;    // [groups, S], each group's sum 1; 0 behind its last support vector
  std::int64_t most = 0;       // support vectors of the largest group
  std::int64_t latents = 0;    // that each group was fitted to
};

// Keeps as many latents of each group as may give `support` support vectors, drawn by the seed, so
// that memory is bounded whatever is added.
class KernelSample {
 public:
  KernelSample(std::int64_t groups, std::int64_t width, std::int64_t support, double nu,
               std::uint64_t seed);
  // z [count, L, D].
  void add(std::span<const float> z, std::int64_t count);
  // Fits each group (ofer/train/kernel_fit.h), to fewer latents where the support vectors would be
  // too many.
  KernelFits fit(double gamma) const;

 private:
  std::int64_t groups_, width_, support_, capacity_;
  double nu_;
  std::uint64_t seed_;
  std::vector<std::int64_t> seen_;           // of each group
  std::vector<std::vector<float>> latents_;  // [kept, D] of each group
};

}  // namespace ofer
