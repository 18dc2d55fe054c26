// The stated tolerances: how far a whole result may be from the double oracle, relative, in L2.
// They come beside the allowed error of each element (compare.h), which knows the operation's
// condition; these do not.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/error.h"
#include "tests/support/compare.h"

namespace ofer::test {

// fp32: grows with the longest reduction behind the result, which the oracle counts (measured.h).
inline double float_tolerance(double longest_reduction) {
  return std::min(2e-7 * std::sqrt(std::max(1.0, longest_reduction)), 2e-5);
}

// A type or an arithmetic coarser than float: its tolerance and its unit roundoff.
struct Coarse {
  const char* name;
  double tolerance;
  double unit;
};
inline constexpr Coarse kTf32{"tf32", 1e-3, 0x1p-11};
inline constexpr Coarse kBf16{"bf16", 1e-2, 0x1p-8};

// Some cases have inputs from which no algorithm of that precision can come as close: they say so
// (case.h) and are held to the oracle's noise instead, which must call for it.
template <class Case>
bool ill_conditioned(const Case& test) {
  if constexpr (requires { test.ill_conditioned; })
    return test.ill_conditioned;
  else
    return false;
}

inline double root_of_squares(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v * v;
  return std::sqrt(sum);
}

// L2 norms over the elements of a result that the contract speaks of: its error, the expected
// values, and the noise of the oracle in units of the unit roundoff.
struct Distance {
  double error = 0, size = 0, noise = 0;
  double longest = 1;  // reduction
};

// Elements that must stay unwritten (NaN) and those of which the contract says nothing (infinite
// noise) are left out. A NaN among the others makes the error one, which no bound admits.
inline Distance distance(const std::vector<double>& got, const std::vector<Measured>& expected) {
  std::vector<double> error, size, noise;
  Distance result;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(expected[i].value) || std::isinf(expected[i].noise)) continue;
    error.push_back(got[i] - expected[i].value);
    size.push_back(expected[i].value);
    noise.push_back(std::sqrt(expected[i].noise));
    result.longest = std::max(result.longest, expected[i].longest);
  }
  result.error = root_of_squares(error);
  result.size = root_of_squares(size);
  result.noise = root_of_squares(noise);
  return result;
}

inline Distance distance(const std::vector<double>& got, const std::vector<double>& expected) {
  return distance(got, std::vector<Measured>(expected.begin(), expected.end()));
}

// A message where the result is further off than `tolerance`, or, `excepted`, than the noise of a
// type of unit roundoff `unit` where that is more; but never further than kLoosest, unless all that
// is expected is zeros.
inline std::string too_far(const std::string& name, const Distance& d, double tolerance,
                           double unit, bool excepted) {
  // Below its underflow threshold a float has no relative precision.
  constexpr double kUnderflow = 1.2e-38;
  double allowed = tolerance * d.size;
  const double noise = unit * d.noise;
  if (excepted)
    allowed = std::max(allowed, d.size > 0 ? std::min(noise, kLoosest * d.size) : noise);
  if (d.error <= allowed + kUnderflow) return "";
  return message(name, " is off by ", d.error, " of ", d.size, " in L2, ", d.error / d.size,
                 " where ", allowed / d.size, " is allowed");
}

}  // namespace ofer::test
