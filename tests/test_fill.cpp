// The numbers that tests and benchmarks are given.
#include "tests/support/fill.h"

#include <doctest/doctest.h>

namespace {

using ofer::test::Random;

}  // namespace

TEST_SUITE("fill") {
  TEST_CASE("large tensors hold the numbers that one after the other would") {
    for (const ofer::test::Index count : {1, 1000, (1 << 18) - 1, 5 * (1 << 18) + 3}) {
      const std::vector<double> values = ofer::test::make_values({.scale = 0.5}, count, 7);
      REQUIRE(values.size() == static_cast<std::size_t>(count));
      Random random(7);
      bool same = true;
      for (const double value : values)
        same = same && value == static_cast<float>(random.normal() * 0.5);
      CHECK(same);
    }
  }

  TEST_CASE("a number can be skipped to") {
    Random one(3), other(3);
    for (int i = 0; i < 1000; ++i) one.next();
    other.skip(1000);
    CHECK(one.next() == other.next());
  }
}
