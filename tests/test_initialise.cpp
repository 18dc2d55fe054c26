#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/support/initial_values.h"
#include "tests/support/tiny_config.h"
#include "weights/initialise.h"
#include "weights/sha256.h"
#include "weights/tensor_table.h"

using namespace ofer;
using test::tiny_config;
using test::values_of;

namespace {

// The rule's numbers, for statistics.
struct Moments {
  double mean = 0, deviation = 0, smallest = 1e30, largest = 0;
  explicit Moments(const std::vector<float>& values) {
    for (float value : values) {
      mean += value;
      smallest = std::min<double>(smallest, std::abs(value));
      largest = std::max<double>(largest, std::abs(value));
    }
    mean /= static_cast<double>(values.size());
    for (float value : values) deviation += (value - mean) * (value - mean);
    deviation = std::sqrt(deviation / static_cast<double>(values.size()));
  }
};

}  // namespace

TEST_SUITE("initialise") {
  // Hashes of the same formulas evaluated in Python.
  TEST_CASE("the same bits on every machine") {
    const auto hash = [](InitRule rule, double amount) {
      const std::vector<float> values = values_of({"some.tensor", {100, 7}, rule, amount}, 42);
      return sha256_hex(values.data(), values.size() * sizeof(float)).substr(0, 16);
    };
    CHECK(hash(InitRule::kUniform, 0.1) == "240ff52b6e890f70");
    CHECK(hash(InitRule::kNormal, 0.02) == "a6d594450d216ca6");
    CHECK(hash(InitRule::kCenter, 0.1) == "fa51a8d966c0b407");
  }

  TEST_CASE("the rules' numbers") {
    const Shape shape{200, 500};
    const Moments uniform(values_of({"a", shape, InitRule::kUniform, 0.5}, 1));
    CHECK(std::abs(uniform.mean) < 0.005);
    CHECK(uniform.deviation == doctest::Approx(0.5 / std::sqrt(3.0)).epsilon(0.01));
    CHECK(uniform.largest <= 0.5);
    CHECK(uniform.largest > 0.499);
    const Moments normal(values_of({"b", shape, InitRule::kNormal, 0.02}, 1));
    CHECK(std::abs(normal.mean) < 0.0003);
    CHECK(normal.deviation == doctest::Approx(0.02).epsilon(0.01));
    CHECK(normal.largest > 0.07);
    CHECK(normal.largest <= 0.12);
    const Moments center(values_of({"c", shape, InitRule::kCenter, 0.1}, 1));
    CHECK(center.smallest >= 0.1f);
    CHECK(center.largest <= 0.2f);
    CHECK(std::abs(center.mean) < 0.003);
    for (float value : values_of({"d", {9}, InitRule::kConstant, 0.25}, 1)) CHECK(value == 0.25f);
  }

  TEST_CASE("a tensor is the same in pieces of any size") {
    for (InitRule rule :
         {InitRule::kUniform, InitRule::kNormal, InitRule::kCenter, InitRule::kPositions}) {
      const TensorSpec spec{"x", {17, 12}, rule, 0.3};
      const std::vector<float> whole = values_of(spec, 5);
      const TensorFill fill = initial_values(spec, 5);
      std::vector<float> pieces(whole.size());
      for (std::size_t at = 0; at < pieces.size(); at += 7)
        fill(at * 4, std::as_writable_bytes(std::span(pieces).subspan(
                         at, std::min<std::size_t>(7, pieces.size() - at))));
      CHECK(pieces == whole);
    }
  }

  TEST_CASE("sine-cosine positions") {
    // 3 x 3 patches, width 8: two frequencies, 1 and 1/100.
    const std::vector<float> p = values_of({"p", {10, 8}, InitRule::kPositions, 1}, 1);
    for (int c = 0; c < 8; ++c) CHECK(p[static_cast<std::size_t>(c)] == 0);  // class token
    for (int row = 0; row < 3; ++row)
      for (int column = 0; column < 3; ++column) {
        const float* at = p.data() + (1 + row * 3 + column) * 8;
        const double expected[] = {
            std::sin(column), std::sin(column / 100.0), std::cos(column), std::cos(column / 100.0),
            std::sin(row),    std::sin(row / 100.0),    std::cos(row),    std::cos(row / 100.0)};
        for (int c = 0; c < 8; ++c) CHECK(at[c] == doctest::Approx(expected[c]).epsilon(1e-6));
      }
  }

  TEST_CASE("an untrained detector is well formed") {
    for (const TensorSpec& spec : tensor_table(tiny_config(), 7)) {
      if (spec.name.ends_with(".alpha")) CHECK(spec.amount * 5 == doctest::Approx(1));
      if (spec.name.ends_with(".radius")) CHECK(spec.amount > 0);
      if (spec.name.ends_with(".center")) CHECK(Moments(values_of(spec, 1)).smallest >= 0.1f);
    }
  }
}
