// Comparison with an allowed error for every element, and the message of a failure.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/support/measured.h"
#include "tests/support/memory.h"

namespace ofer::test {

template <class T>
constexpr double unit_roundoff() {
  return std::numeric_limits<T>::epsilon() / 2;
}

// A correct kernel's error is this many standard deviations of the measured noise at most. The
// noise counts u for a rounding whose deviation is u / sqrt(3), so this is nearly fourteen.
constexpr double kNoiseFactor = 8;

// Error allowed for an element whose oracle collected `noise`: nothing when it is exact, else the
// noise in units of u, and the underflow threshold, below which a type has no relative precision.
inline double allowed_error(double noise, double unit, double underflow) {
  return noise == 0 ? 0 : kNoiseFactor * unit * std::sqrt(noise) + underflow;
}

// An allowed error above this share of the output's size would let wrong results pass.
constexpr double kLoosest = 0.1;

template <class T>
bool is_unwritten(T value) {
  T pattern;
  fill_unwritten(&pattern, sizeof(T));
  return std::memcmp(&value, &pattern, sizeof(T)) == 0;
}

// Empty when every |got - expected| <= allowed; else one line with the worst index, what was
// expected and got there, and the share of the allowed error. Where the expected value is a NaN the
// element must not have been written; where `allowed` is infinite anything goes.
template <class T>
std::string compare(const std::string& name, const std::vector<T>& got,
                    const std::vector<double>& expected, const std::vector<double>& allowed) {
  std::size_t worst = 0, failures = 0;
  double worst_share = -1;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::isinf(allowed[i])) continue;
    double share = 0;
    if (std::isnan(expected[i])) {
      if (!is_unwritten(got[i])) share = std::numeric_limits<double>::infinity();
    } else {
      const double error = std::fabs(static_cast<double>(got[i]) - expected[i]);
      if (std::isnan(error) || (error > 0 && allowed[i] == 0))
        share = std::numeric_limits<double>::infinity();
      else if (error > 0)
        share = error / allowed[i];
    }
    if (share > 1) ++failures;
    if (share > worst_share) {
      worst_share = share;
      worst = i;
    }
  }
  if (failures == 0) return "";
  std::ostringstream text;
  text.precision(17);
  text << name << "[" << worst << "] expected " << expected[worst] << ", got "
       << static_cast<double>(got[worst]);
  if (is_unwritten(got[worst])) text << " (never written)";
  text << ", allowed error " << allowed[worst] << ", share " << worst_share << "; " << failures
       << " of " << got.size() << " elements outside";
  return text.str();
}

// The same for positions, flags and numbers that were only moved, which are exact; a NaN equals any
// other. `loose`: anything goes where a negative one is expected.
template <class E>
std::string compare_exactly(const std::string& name, const std::vector<E>& got,
                            const std::vector<E>& expected, bool loose) {
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto is = static_cast<double>(got[i]), should_be = static_cast<double>(expected[i]);
    const bool both_nan = std::isnan(is) && std::isnan(should_be) && !is_unwritten(got[i]);
    if (is == should_be || both_nan || (loose && should_be < 0)) continue;
    std::ostringstream text;
    text.precision(17);
    text << name << "[" << i << "] expected " << should_be << ", got " << is
         << (is_unwritten(got[i]) ? " (never written)" : "");
    return text.str();
  }
  return "";
}

inline double root_mean_square(const std::vector<double>& values) {
  double sum = 0;
  std::size_t count = 0;
  for (double v : values)
    if (std::isfinite(v)) {
      sum += v * v;
      ++count;
    }
  return count ? std::sqrt(sum / static_cast<double>(count)) : 0;
}

}  // namespace ofer::test
