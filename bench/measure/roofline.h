// What the machine can do, measured in the run that is held against it.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "bench/measure/kernel_case.h"

namespace ofer::bench {

// The bandwidth of a copy depends on where its bytes lie: each step is a copy whose two sides
// together have so many.
struct CopySpeed {
  double bytes = 0, gb_per_s = 0;
};

struct Roofline {
  double gflop_per_s = 0;         // of a large matrix product in the target's precision
  std::vector<CopySpeed> copies;  // smallest first

  // Of data as large as that, lying where it has been used before: the best of all copies at least
  // that large, since what is larger lies no nearer.
  double warm_gb_per_s(double bytes) const;
  // Of data from memory: the largest copy's.
  double cold_gb_per_s() const;

  // The time that no kernel with this work can beat on this machine, and what it is spent on; 0
  // where nothing was measured.
  struct Floor {
    double ms = 0;
    bool arithmetic = false;  // else bytes
  };
  Floor floor(double flops, double bytes, bool cold) const;
};

// Takes about two seconds. Not of the executor (simt), whose times mean nothing: throws
// std::logic_error.
Roofline measure_roofline(const KernelTarget& target);

nlohmann::ordered_json roofline_json(const Roofline& roofline);

}  // namespace ofer::bench
