// What the benchmark says of its own figures: noise, stopping, disturbed samples, floors,
// comparisons.
#include <doctest/doctest.h>

#include <cmath>
#include <deque>

#include "bench/command/compare_command.h"
#include "bench/measure/roofline.h"
#include "bench/measure/sampling.h"
#include "tests/support/random.h"

namespace ofer::bench {
namespace {

// Disturbed where the script says so.
class Scripted final : public Conditions {
 public:
  std::deque<bool> disturbances;
  bool hot = false;

  bool disturbed() override {
    if (disturbances.empty()) return false;
    const bool answer = disturbances.front();
    disturbances.pop_front();
    return answer;
  }
  bool throttled() override { return hot; }
  nlohmann::ordered_json state() override { return {}; }
};

Visit visit_of(std::vector<double> samples) {
  return {std::move(samples), 0, false};
}

// A figure as a run of `rounds` visits finds it, on a machine whose speed changes by `drift` from
// round to round.
Figure measured(const std::string& name, double ms, double drift, test::Random& random,
                std::size_t rounds = 5) {
  Rounds figure;
  for (std::size_t round = 0; round < rounds; ++round) {
    const double here = ms * (1 + drift * random.normal());
    std::vector<double> samples;
    for (int i = 0; i < 30; ++i) samples.push_back(here * (1 + 0.01 * std::fabs(random.normal())));
    figure.add(visit_of(samples));
  }
  const Timing timing = figure.timing({});
  return {name, timing.median_ms, timing.noise};
}

}  // namespace

TEST_SUITE("bench_sampling") {
  TEST_CASE("a figure is the median of its rounds, and its noise what they say") {
    Rounds figure;
    for (const double ms : {10.0, 11.0, 9.0, 10.5, 9.5}) figure.add(visit_of({ms, ms, ms + 0.1}));
    const Timing timing = figure.timing({});
    CHECK(timing.median_ms == doctest::Approx(10));
    CHECK(timing.samples == 15);
    CHECK(timing.rounds == 5);
    // t(4) = 2.776, deviation sqrt(2.5 / 4), 1.2533 / sqrt(5), over 10.
    CHECK(timing.noise == doctest::Approx(2.776 * std::sqrt(0.625) * 1.2533 / std::sqrt(5) / 10));
    CHECK(!timing.stable);
  }

  TEST_CASE("one round knows nothing of its noise") {
    Rounds figure;
    figure.add(visit_of({1, 1, 1}));
    CHECK(std::isinf(figure.timing({}).noise));
    CHECK_THROWS_AS(Rounds().timing({}), std::logic_error);
  }

  TEST_CASE("rounds end when the median is stable, or when the time is over") {
    RoundRule rule;
    rule.least_rounds = 3;
    rule.seconds = 1;
    Rounds quiet, noisy;
    for (int round = 0; round < 3; ++round) {
      CHECK(!quiet.finished(rule));
      quiet.add(visit_of({5, 5, 5}));
      noisy.add(visit_of({round % 2 ? 5.0 : 50.0}));
    }
    CHECK(quiet.finished(rule));
    CHECK(quiet.timing(rule).stable);
    CHECK(!noisy.finished(rule));
    while (!noisy.finished(rule)) noisy.add(visit_of({50}));
    CHECK(noisy.spent_ms() >= 2000);
    CHECK(!noisy.timing(rule).stable);
  }

  TEST_CASE(
      "disturbed samples are thrown out and counted; where all are, they are kept and marked") {
    Scripted conditions;
    double next = 0;
    const auto sample = [&] { return ++next; };
    conditions.disturbances = {false, false, true, false};  // the first answer is before the visit
    const Visit some = visit(0, 3, conditions, sample);
    CHECK(some.kept == std::vector<double>{1, 3});
    CHECK(some.thrown_out == 1);
    CHECK(!some.disturbed);

    conditions.disturbances = {false, true, true, true};
    const Visit all = visit(0, 3, conditions, sample);
    CHECK(all.kept.size() == 3);
    CHECK(all.thrown_out == 0);
    CHECK(all.disturbed);

    conditions.hot = true;
    const Visit hot = visit(0, 3, conditions, sample);
    CHECK(hot.disturbed);
    CHECK(hot.kept.size() == 3);
  }

  TEST_CASE("parts of a sample stay together") {
    Scripted conditions;
    conditions.disturbances = {false, true, false};
    const std::vector<Visit> visits = visit_parts(2, 0, 2, conditions, [n = 0.0]() mutable {
      return std::vector<double>{++n, 10 * n};
    });
    CHECK(visits[0].kept == std::vector<double>{2});
    CHECK(visits[1].kept == std::vector<double>{20});
    CHECK(visits[1].thrown_out == 1);
  }

  TEST_CASE("a floor is arithmetic or bytes, whichever is nearer, by where the bytes lie") {
    Roofline roofline;
    roofline.gflop_per_s = 100;
    // The step that something disturbed does not count against what is smaller.
    roofline.copies = {{1e6, 50}, {1e7, 80}, {1e8, 20}, {1e9, 10}};
    CHECK(roofline.cold_gb_per_s() == 10);
    CHECK(roofline.warm_gb_per_s(5e5) == 80);
    CHECK(roofline.warm_gb_per_s(5e7) == 20);
    CHECK(roofline.warm_gb_per_s(5e9) == 10);
    const Roofline::Floor bytes = roofline.floor(1e6, 1e7, false);
    CHECK(bytes.ms == doctest::Approx(1e7 / 80e9 * 1e3));
    CHECK(!bytes.arithmetic);
    CHECK(roofline.floor(1e6, 1e7, true).ms == doctest::Approx(1));
    const Roofline::Floor arithmetic = roofline.floor(1e9, 1e6, false);
    CHECK(arithmetic.ms == doctest::Approx(10));
    CHECK(arithmetic.arithmetic);
  }

  TEST_CASE("two runs of the same are the same, and a tenth more is found") {
    test::Random random(7);
    std::size_t alarms = 0, figures = 0, inside = 0, missed = 0, trials = 0;
    for (int run = 0; run < 20; ++run) {
      std::vector<Figure> before, after, slowed;
      for (int i = 0; i < 100; ++i) {
        const std::string name = std::to_string(i);
        const double ms = 0.01 * (i + 1);
        before.push_back(measured(name, ms, 0.01, random));
        after.push_back(measured(name, ms, 0.01, random));
        slowed.push_back(measured(name, ms * (i == 42 ? 1.1 : 1), 0.01, random));
      }
      for (const Difference& d : compare_figures(before, after, 0.03).both) {
        ++figures;
        if (d.slower() || d.faster()) ++alarms;
      }
      for (std::size_t i = 0; i < before.size(); ++i)
        if (std::fabs(after[i].median_ms / before[i].median_ms - 1) <=
            before[i].noise + after[i].noise)
          ++inside;
      for (const Difference& d : compare_figures(before, slowed, 0.03).both) {
        if (d.name == "42") {
          ++trials;
          if (!d.slower()) ++missed;
        }
      }
    }
    CHECK(static_cast<double>(inside) >= 0.95 * static_cast<double>(figures));
    CHECK(static_cast<double>(alarms) <= 0.001 * static_cast<double>(figures));
    CHECK(missed <= trials / 10);
  }

  TEST_CASE("a comparison tells what only one of two results has") {
    const Comparison comparison =
        compare_figures({{"a", 1, 0.01}, {"b", 1, 0.01}}, {{"b", 1.2, 0.01}, {"c", 1, 0.01}}, 0.03);
    REQUIRE(comparison.both.size() == 1);
    CHECK(comparison.both[0].slower());
    CHECK(comparison.both[0].change() == doctest::Approx(0.2));
    CHECK(comparison.only_before == std::vector<std::string>{"a"});
    CHECK(comparison.only_after == std::vector<std::string>{"c"});
    CHECK(compare_figures({{"b", 1.2, 0.01}}, {{"b", 1, 0.01}}, 0.03).both[0].faster());
    CHECK(!compare_figures({{"b", 1.2, 0.2}}, {{"b", 1, 0.2}}, 0.03).both[0].faster());
  }
}

}  // namespace ofer::bench
