// What a test's inputs look like. Every value is exact in a float, so that all element types and
// the oracle see the same numbers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "kernels/types.h"
#include "tests/support/random.h"

namespace ofer::test {

using kernels::Index;

enum class Distribution : std::uint8_t {
  kOrdinary,      // mean 0, variance 1
  kPositive,      // between 0.1 and 1
  kShifted,       // 100 + ordinary
  kLargeMean,     // 10000 + ordinary: a one-pass variance in float loses everything
  kExtreme,       // +-10000, +-50, 0 and ordinary numbers, mixed
  kAwayFromZero,  // magnitude between 0.05 and 1, random sign: no kink nearby
  kSpaced,        // shuffled multiples of 1/64, all different: maxima are clear
  kTies,          // small integers: many equal maxima
  kNegative,      // between -2 and -1
  kConstantRows,  // every row (of `row` elements) one number
  kMask,          // 0 or 1, a third of them 1
  kSparse,        // 0 or 1, one in forty 1
  kZero,
  kOne,
};

struct Fill {
  Distribution distribution = Distribution::kOrdinary;
  double scale = 1;
  Index row = 1;  // of kConstantRows
};

// The ordinary numbers of a large tensor, by all cores: the same as one after the other.
inline void draw_normal(double scale, std::uint64_t seed, std::vector<double>& values) {
  const auto draw = [&](std::size_t begin, std::size_t end) {
    Random random(seed);
    random.skip(begin * Random::kCallsOfNormal);
    for (std::size_t i = begin; i < end; ++i)
      values[i] = static_cast<float>(random.normal() * scale);
  };
  constexpr std::size_t kShare = std::size_t{1} << 18;
  const std::size_t shares = std::clamp<std::size_t>(
      values.size() / kShare, 1, std::max(1u, std::thread::hardware_concurrency()));
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < shares; ++i)
    others.emplace_back(draw, values.size() * i / shares, values.size() * (i + 1) / shares);
  draw(0, values.size() / shares);
  for (std::thread& other : others) other.join();
}

inline std::vector<double> make_values(Fill fill, Index count, std::uint64_t seed) {
  Random random(seed);
  std::vector<double> values(static_cast<std::size_t>(count));
  if (fill.distribution == Distribution::kOrdinary) {
    draw_normal(fill.scale, seed, values);
    return values;
  }
  double constant = 0;
  for (Index i = 0; i < count; ++i) {
    double v = 0;
    switch (fill.distribution) {
      case Distribution::kOrdinary:
        break;  // above
      case Distribution::kPositive:
        v = random.between(0.1, 1);
        break;
      case Distribution::kShifted:
        v = 100 + random.normal();
        break;
      case Distribution::kLargeMean:
        v = 1e4 + random.normal();
        break;
      case Distribution::kExtreme: {
        const double choices[] = {1e4, -1e4, 50, -50, 0, random.normal(), random.normal()};
        v = choices[random.below(7)];
        break;
      }
      case Distribution::kAwayFromZero:
        v = random.between(0.05, 1);
        if (random.next() & 1) v = -v;
        break;
      case Distribution::kSpaced:
        v = static_cast<double>(i - count / 2) / 64;
        break;
      case Distribution::kTies:
        v = static_cast<double>(random.below(3)) - 1;
        break;
      case Distribution::kNegative:
        v = random.between(-2, -1);
        break;
      case Distribution::kConstantRows:
        if (i % fill.row == 0) constant = static_cast<double>(random.below(64)) / 8 - 4;
        v = constant;
        break;
      case Distribution::kMask:
        v = random.below(3) == 0 ? 1 : 0;
        break;
      case Distribution::kSparse:
        v = random.below(40) == 0 ? 1 : 0;
        break;
      case Distribution::kZero:
        v = 0;
        break;
      case Distribution::kOne:
        v = 1;
        break;
    }
    values[static_cast<std::size_t>(i)] = static_cast<float>(v * fill.scale);
  }
  if (fill.distribution == Distribution::kSpaced)
    for (Index i = count - 1; i > 0; --i)
      std::swap(values[static_cast<std::size_t>(i)],
                values[static_cast<std::size_t>(random.below(i + 1))]);
  return values;
}

}  // namespace ofer::test
