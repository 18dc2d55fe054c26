// Learning rates over a run.
#pragma once

#include <cstdint>

namespace ofer {

// rate(step) = base * warm(step) * shape(step), step = 0, 1, ...; `total` steps in all.
//   warm: (step + 1) / warm_up up to step warm_up, then 1
//   constant: 1
//   cosine:   (1 + cos(pi t)) / 2, t from 0 behind the warm-up to 1 at `total`; never below `floor`
//   steps:    factor^k behind k full `period`s (section 5.5 of the method: 0.1 every 10 epochs)
//   linear:   1 for `hold` steps, then linearly to 0 at `total` (section 4.6)
struct Schedule {
  enum class Shape : std::uint8_t { kConstant, kCosine, kSteps, kLinear };
  Shape shape = Shape::kConstant;
  double base = 1e-3;
  double floor = 0;  // as a share of `base`
  double factor = 0.1;
  std::int64_t total = 0, warm_up = 0, period = 0, hold = 0;

  double rate(std::int64_t step) const;
};

}  // namespace ofer
