// The linear phi in closed form: latents in units of their own deviation.
//
// phi(z) = W z with W = the inverse square root of the clean latents' covariance, so that
// ||W z - W m||^2 is the squared Mahalanobis distance from their mean m (section 2.2 of the
// method).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ofer {

// Collects latents and solves. One covariance for each of `groups` (the patch positions, or 1).
// Memory: groups D^2 doubles. Used by one thread at a time.
class Whitening {
 public:
  Whitening(std::int64_t groups, std::int64_t width);

  // z [count, L, D]; with one group every patch belongs to it. `threads` share the groups.
  void add(std::span<const float> z, std::int64_t count, int threads);

  struct Map {
    std::vector<float> phi;     // [groups, features, D]
    std::vector<float> center;  // [groups, features]
  };
  // The `features` directions in which clean latents vary least, which is where others stand out:
  // with features = D all of them. Covariances get `ridge` times their mean diagonal added. Throws
  // kBadArgument when nothing was added, a number is not finite, or features > D.
  Map solve(std::int64_t features, double ridge, int threads) const;

 private:
  std::int64_t groups_, width_;
  std::vector<double> count_, sum_, square_;  // [groups], [groups, D], [groups, D, D] (lower half)
};

}  // namespace ofer
