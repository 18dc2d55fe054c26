// What the tests measure with: the oracle's count of its longest reduction, and the bound in L2.
#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "tests/support/measured.h"
#include "tests/support/tolerance.h"

namespace ofer::test {
namespace {

// Of numbers that are exact, by halves or one after the other.
Measured sum_of(int first, int last, bool by_halves) {
  if (last - first == 1) return Measured(first + 1.0) * Measured(0.3);
  const int cut = by_halves ? (first + last) / 2 : last - 1;
  return sum_of(first, cut, by_halves) + sum_of(cut, last, by_halves);
}

TEST_SUITE("measured") {
  TEST_CASE("a reduction is as long as it has terms, in whatever order they are added") {
    CHECK(sum_of(0, 1, true).longest == 1);
    CHECK(sum_of(0, 37, true).longest == 37);
    CHECK(sum_of(0, 37, false).longest == 37);
    Measured sum = 0;
    for (int i = 0; i < 5; ++i) sum += Measured(0.1) * Measured(i + 0.7);
    CHECK(sum.longest == 5);
  }

  TEST_CASE("reductions behind one another do not add up") {
    const Measured mean = sum_of(0, 20, true) / Measured(20);
    CHECK(mean.longest == 20);
    CHECK((mean - Measured(1)).longest == 20);
    Measured squares = 0;
    for (int i = 0; i < 30; ++i) squares += (Measured(i) - mean) * (Measured(i) - mean);
    CHECK(squares.longest == 30);
    CHECK((exp(squares) * Measured(2)).longest == 30);
  }

  TEST_CASE("the tolerance of float grows with the square root of the reduction, to a limit") {
    CHECK(float_tolerance(1) == 2e-7);
    CHECK(float_tolerance(100) == doctest::Approx(2e-6));
    CHECK(float_tolerance(1e9) == 2e-5);
  }

  TEST_CASE("what is too far") {
    const std::vector<Measured> expected = {{3, 1e6, 1}, {4, 1e6, 1}};
    const auto passes = [&](std::vector<double> got, bool excepted = false) {
      return too_far("y", distance(got, expected), 1e-3, 1e-5, excepted).empty();
    };
    CHECK(passes({3, 4}));
    CHECK(passes({3.004, 4}));
    CHECK_FALSE(passes({3.006, 4}));
    CHECK(passes({3.006, 4}, true));  // the noise is sqrt(2e6) 1e-5, 0.014
    CHECK_FALSE(passes({3.02, 4}, true));
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_FALSE(passes({nan, 4}));
    CHECK_FALSE(passes({nan, 4}, true));
    // An element that must stay unwritten, and one of which nothing is said, do not count.
    CHECK(distance({nan, 7, 1}, {{nan, 0, 1}, unspecified<Measured>(), {1, 0, 1}}).error == 0);
  }
}

}  // namespace
}  // namespace ofer::test
