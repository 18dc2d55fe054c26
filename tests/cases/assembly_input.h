// Cases of the two self-assemblies: their input.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

// The feature maps and the hole of a case.
struct AssemblyInput {
  Index batch = 1, channels = 1, height = 1, width = 1;
  Fill hole = {Distribution::kMask};
  Fill x = {}, f = {};
  // Masked vectors look away from all others, so that every similarity is 0.
  bool opposed = false;
  // Masked vectors have length zero.
  bool zero = false;

  Index positions() const { return height * width; }
  Index size() const { return batch * channels * positions(); }
  std::vector<double> hole_values(std::uint64_t seed) const {
    return make_values(hole, batch * positions(), seed_of("hole", seed));
  }
  std::vector<double> x_values(std::uint64_t seed) const {
    const std::vector<double> mask = hole_values(seed);
    std::vector<double> values = make_values(x, size(), seed_of("x", seed));
    for (Index n = 0; n < batch; ++n)
      for (Index c = 0; c < channels; ++c)
        for (Index i = 0; i < positions(); ++i) {
          double& v = values[static_cast<std::size_t>((n * channels + c) * positions() + i)];
          const bool masked = mask[static_cast<std::size_t>(n * positions() + i)] != 0;
          if (masked && opposed) v = -v;
          if (masked && zero) v = 0;
        }
    return values;
  }
  // The search over all pairs of a masked and a known position.
  double flops(std::uint64_t seed, bool all_positions) const {
    const std::vector<double> mask = hole_values(seed);
    double pairs = 0;
    for (Index n = 0; n < batch; ++n) {
      double masked = 0;
      for (Index i = 0; i < positions(); ++i)
        masked += mask[static_cast<std::size_t>(n * positions() + i)] != 0;
      const double all = static_cast<double>(positions());
      pairs += masked * (all - masked) + (all_positions ? all * all : 0);
    }
    return 2 * pairs * static_cast<double>(channels);
  }
};

}  // namespace ofer::test
