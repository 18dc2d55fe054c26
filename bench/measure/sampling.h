// How often something is timed, and how far its median can be believed.
//
// A machine changes while it is measured: its clock, its other work, where memory happens to lie.
// Samples taken one after the other all see the same moment, so their own spread says little about
// the next run. What is timed is therefore visited in rounds that are spread over the whole run,
// and the noise of a median is what the rounds' own medians say about it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include "bench/measure/conditions.h"

namespace ofer::bench {

// When to stop. Nobody waits longer than `seconds` of samples for one figure, unless `least_rounds`
// ask for more.
struct RoundRule {
  std::size_t least_rounds = 5;
  double seconds = 1;
  double noise = 0.02;  // stable: the median is known to that share of itself

  double visit_seconds() const { return seconds / static_cast<double>(least_rounds); }
};

struct Timing {
  double median_ms = 0, p5_ms = 0, p95_ms = 0, p99_ms = 0;
  double noise = 0;  // half the width of the median's 95 % interval, as a share of it
  std::size_t samples = 0, rounds = 0;
  std::size_t thrown_out = 0;  // disturbed samples that are not among the others
  bool disturbed = false;      // some that are counted were disturbed: there were no others
  bool stable = false;         // else the time was over
};

// The samples of one round.
struct Visit {
  std::vector<double> kept;  // milliseconds
  std::size_t thrown_out = 0;
  bool disturbed = false;
};

// Calls sample(), which gives the milliseconds of each of `parts` figures, for about `seconds`, at
// least `least` times. A disturbed sample is thrown out, unless all were.
template <class Sample>
std::vector<Visit> visit_parts(std::size_t parts, double seconds, std::size_t least,
                               Conditions& conditions, Sample&& sample) {
  using Clock = std::chrono::steady_clock;
  constexpr std::size_t kMost = 20000;
  std::vector<std::vector<double>> kept, disturbed;
  const auto start = Clock::now();
  conditions.disturbed();
  for (std::size_t i = 0; i < kMost; ++i) {
    std::vector<double> ms = sample();
    (conditions.disturbed() ? disturbed : kept).push_back(std::move(ms));
    const std::chrono::duration<double> spent = Clock::now() - start;
    if (i + 1 >= least && spent.count() >= seconds) break;
  }
  if (conditions.throttled()) {  // of the whole visit
    disturbed.insert(disturbed.end(), kept.begin(), kept.end());
    kept.clear();
  }
  const bool all = kept.empty();
  if (all) kept.swap(disturbed);
  std::vector<Visit> result(parts);
  for (std::size_t part = 0; part < parts; ++part) {
    for (const std::vector<double>& ms : kept) result[part].kept.push_back(ms[part]);
    result[part].thrown_out = disturbed.size();
    result[part].disturbed = all;
  }
  return result;
}

// The same of one figure.
template <class Sample>
Visit visit(double seconds, std::size_t least, Conditions& conditions, Sample&& sample) {
  return visit_parts(1, seconds, least, conditions,
                     [&] { return std::vector<double>{sample()}; })[0];
}

// One figure's samples, round by round.
class Rounds {
 public:
  void add(const Visit& visit);
  bool empty() const { return medians_.empty(); }
  // Milliseconds of all samples together.
  double spent_ms() const { return spent_ms_; }
  // Is there nothing to gain from another round?
  bool finished(const RoundRule& rule) const;
  // Throws std::logic_error where there is no sample.
  Timing timing(const RoundRule& rule) const;

 private:
  double noise() const;

  std::vector<double> samples_, medians_;
  std::size_t thrown_out_ = 0;
  bool disturbed_ = false;
  double spent_ms_ = 0;
};

}  // namespace ofer::bench
