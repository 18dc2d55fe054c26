// Cases of the three norms: what their gradients have in common.
#pragma once

#include <algorithm>
#include <cmath>

#include "tests/support/case.h"

namespace ofer::test {

// Size of the terms whose difference is dx: w dy / deviation.
inline double norm_terms(const Values& values) {
  double size = 1;
  for (const char* name : {"rstd", "weight", "dy"}) {
    double largest = 0;
    for (double v : values.reals.at(name)) largest = std::max(largest, std::fabs(v));
    size *= largest;
  }
  return size;
}

}  // namespace ofer::test
