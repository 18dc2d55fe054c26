// Random numbers by place: no draw depends on another.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <set>
#include <span>
#include <vector>

#include "ofer/data/random.h"
#include "weights/split_mix.h"

namespace {

using ofer::numbers_for;
using ofer::RandomPurpose;
using ofer::SeededNumbers;

}  // namespace

TEST_SUITE("random") {
  TEST_CASE("a place's numbers are its own and come again") {
    std::set<std::uint64_t> seen;
    std::size_t drawn = 0;
    for (std::uint64_t seed : {0u, 1u, 7u})
      for (std::uint64_t epoch : {0u, 1u, 2u})
        for (std::uint64_t sample = 0; sample < 50; ++sample)
          for (RandomPurpose purpose : {RandomPurpose::kOrder, RandomPurpose::kAugment}) {
            SeededNumbers a = numbers_for(seed, epoch, sample, purpose);
            SeededNumbers b = numbers_for(seed, epoch, sample, purpose);
            for (int i = 0; i < 4; ++i, ++drawn) {
              const std::uint64_t value = a.next();
              REQUIRE(value == b.next());
              seen.insert(value);
            }
          }
    CHECK(seen.size() == drawn);  // (1, 2) and (2, 1) are not the same place, nor is 1 + 1 2 + 0
    // The sequence is the one that weights/split_mix.h gives by index.
    SeededNumbers numbers(99);
    for (std::uint64_t i = 0; i < 5; ++i) CHECK(numbers.next() == ofer::split_mix(99, i));
  }

  TEST_CASE("uniform, index and chance are what they say") {
    SeededNumbers numbers(3);
    constexpr int kDraws = 20000;
    double sum = 0, squares = 0;
    std::vector<int> counts(7);
    int hits = 0;
    for (int i = 0; i < kDraws; ++i) {
      const float value = numbers.uniform(-1, 3);
      REQUIRE(value >= -1);
      REQUIRE(value < 3);
      sum += value;
      squares += static_cast<double>(value) * value;
      ++counts[static_cast<std::size_t>(numbers.index(7))];
      hits += numbers.chance(0.2);
      REQUIRE(!numbers.chance(0));
      REQUIRE(numbers.chance(1));
    }
    // Five standard deviations each.
    const double n = kDraws, variance = 16.0 / 12;
    CHECK(std::fabs(sum / n - 1) < 5 * std::sqrt(variance / n));
    CHECK(std::fabs(squares / n - 1 - variance) < 0.06);
    for (int count : counts) CHECK(std::fabs(count - n / 7) < 5 * std::sqrt(n / 7 * (1 - 1.0 / 7)));
    CHECK(std::fabs(hits - 0.2 * n) < 5 * std::sqrt(0.2 * 0.8 * n));
  }

  TEST_CASE("every order of a shuffle is as likely as any other") {
    std::vector<int> counts(24);
    SeededNumbers numbers(11);
    constexpr int kDraws = 24000;
    for (int i = 0; i < kDraws; ++i) {
      std::vector<int> values{0, 1, 2, 3};
      ofer::shuffle(std::span(values), numbers);
      int place = 0;
      for (int a = 0; a < 4; ++a) {
        int smaller = 0;
        for (int b = a + 1; b < 4; ++b) smaller += values[b] < values[a];
        place = place * (4 - a) + smaller;
      }
      ++counts[static_cast<std::size_t>(place)];
    }
    CHECK(std::accumulate(counts.begin(), counts.end(), 0) == kDraws);
    for (int count : counts) CHECK(std::fabs(count - 1000.0) < 5 * std::sqrt(1000.0));
    std::vector<int> none, one{5};
    ofer::shuffle(std::span(none), numbers);
    ofer::shuffle(std::span(one), numbers);
    CHECK(one == std::vector<int>{5});
  }
}
