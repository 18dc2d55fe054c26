// A number that knows how much rounding it has seen: the oracle computes with it to tell how far a
// correct kernel may be from the exact result.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace ofer::test {

// The noise of one rounding of v: not 0 where the square underflows.
inline double rounding(double v) {
  return v == 0 ? 0 : v * v + 1e-300;
}

// `value` is computed in double. `noise` is the variance of the rounding error that the same
// computation collects in a type of unit roundoff u, in units of u^2 (running error analysis, with
// roundings taken as independent): every operation adds value^2 for its own rounding and passes on
// what its operands bring, to first order. So a sum's noise grows with its length and with the size
// of its partial sums, a difference of large numbers keeps theirs, and copies stay exact.
//
// `terms` counts what the value is a sum of: n for a sum of n products, in whatever order they were
// added, and 1 after a multiplication or a function. `longest` is the largest such count on the
// way to the value: the length of the longest reduction behind it.
struct Measured {
  double value = 0;
  double noise = 0;
  double terms = 1;
  double longest = 1;

  Measured() = default;
  Measured(double exact) : value(exact) {}  // NOLINT: implicit, so that oracles read as arithmetic
  // Of one term, with nothing longer behind it than `reduction`.
  Measured(double v, double n, double reduction) : value(v), noise(n), longest(reduction) {}

  Measured operator-() const {
    Measured result = *this;
    result.value = -value;
    return result;
  }

  // Exactly this number, and not just close to it. Adding an exact 0 or multiplying by an exact 1
  // rounds nothing.
  bool is(double exact) const { return noise == 0 && value == exact; }

  friend Measured operator+(Measured a, Measured b) {
    if (a.is(0)) return b;
    if (b.is(0)) return a;
    const double v = a.value + b.value;
    Measured sum(v, a.noise + b.noise + rounding(v), std::max(a.longest, b.longest));
    sum.terms = a.terms + b.terms;
    sum.longest = std::max(sum.longest, sum.terms);
    return sum;
  }
  friend Measured operator-(Measured a, Measured b) { return a + -b; }
  friend Measured operator*(Measured a, Measured b) {
    if (a.is(1)) return b;
    if (b.is(1)) return a;
    const double v = a.value * b.value;
    return {v, b.value * b.value * a.noise + a.value * a.value * b.noise + rounding(v),
            std::max(a.longest, b.longest)};
  }
  friend Measured operator/(Measured a, Measured b) {
    if (b.is(1)) return a;
    const double v = a.value / b.value;
    return {v, (a.noise + v * v * b.noise) / (b.value * b.value) + rounding(v),
            std::max(a.longest, b.longest)};
  }
  Measured& operator+=(Measured other) { return *this = *this + other; }

  friend bool operator<(Measured a, Measured b) { return a.value < b.value; }
  friend bool operator>(Measured a, Measured b) { return a.value > b.value; }
  friend bool operator<=(Measured a, Measured b) { return a.value <= b.value; }
  friend bool operator>=(Measured a, Measured b) { return a.value >= b.value; }
  friend bool operator==(Measured a, Measured b) { return a.value == b.value; }
  friend bool operator!=(Measured a, Measured b) { return a.value != b.value; }
};

// Functions of a mathematical library, or a kernel's own polynomial, are allowed 4 u of their own.
constexpr double kFunctionNoise = 16;

inline Measured sqrt(Measured a) {
  const double v = std::sqrt(a.value);
  return {v, v == 0 ? 0 : a.noise / (4 * a.value) + rounding(v), a.longest};
}
inline Measured exp(Measured a) {
  const double v = std::exp(a.value);
  return {v, rounding(v) * (a.noise + kFunctionNoise), a.longest};
}
inline Measured log(Measured a) {
  const double v = std::log(a.value);
  return {v, a.noise / (a.value * a.value) + kFunctionNoise * rounding(v), a.longest};
}
inline Measured erf(Measured a) {
  const double slope = 1.1283791670955126 * std::exp(-a.value * a.value);
  // Beyond 6.5 every type that a kernel computes in gives exactly +-1.
  const double own =
      std::fabs(a.value) > 6.5 ? 0 : kFunctionNoise * std::erf(a.value) * std::erf(a.value);
  return {std::erf(a.value), slope * slope * a.noise + own, a.longest};
}
inline Measured abs(Measured a) {
  return {std::fabs(a.value), a.noise, a.longest};
}

// max(v, 0), and v or slope v by sign. Where the noise may carry v over the kink it stays, else a
// rectified number is exactly 0.
inline double rectified(double v) {
  return v > 0 ? v : 0;
}
inline Measured rectified(Measured v) {
  const bool near = v.value * v.value < 1e-3 * v.noise;
  return v.value > 0 ? v : Measured(0, near ? v.noise : 0, v.longest);
}
inline double leaky(double v, double slope) {
  return v > 0 ? v : slope * v;
}
inline Measured leaky(Measured v, Measured slope) {
  if (v.value > 0) return v;
  const bool near = v.value * v.value < 1e-3 * v.noise;
  const Measured scaled = slope * v;
  return {scaled.value, near ? scaled.noise + v.noise : scaled.noise, v.longest};
}

// A constant of the arguments (a double there) that a kernel may round to its element type.
template <class R>
R constant(double value);
template <>
inline double constant<double>(double value) {
  return value;
}
template <>
inline Measured constant<Measured>(double value) {
  return {value, rounding(value), 1};
}

// An output element of which the contract says nothing: whatever the kernel leaves there passes.
template <class R>
R unspecified();
template <>
inline double unspecified<double>() {
  return 0;
}
template <>
inline Measured unspecified<Measured>() {
  return {0, std::numeric_limits<double>::infinity(), 1};
}

}  // namespace ofer::test
