#include "bench/measure/sampling.h"

#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "bench/timing.h"

namespace ofer::bench {

namespace {

// Below this a clock's steps and the placement of memory decide, whatever the rounds say.
constexpr double kSmallestNoise = 0.005;

// Student's t, 97.5 %, for 1, 2, ... degrees of freedom; then the normal distribution's.
double student_t(std::size_t degrees) {
  constexpr std::array kTable = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365,
                                 2.306,  2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
                                 2.131,  2.120, 2.110, 2.101, 2.093, 2.086};
  return degrees == 0               ? std::numeric_limits<double>::infinity()
         : degrees <= kTable.size() ? kTable[degrees - 1]
                                    : 2.0;
}

}  // namespace

void Rounds::add(const Visit& visit) {
  thrown_out_ += visit.thrown_out;
  if (visit.kept.empty()) return;
  disturbed_ = disturbed_ || visit.disturbed;
  samples_.insert(samples_.end(), visit.kept.begin(), visit.kept.end());
  medians_.push_back(quantile(in_order(visit.kept), 0.5));
  spent_ms_ += std::accumulate(visit.kept.begin(), visit.kept.end(), 0.0);
}

// The median of n values of deviation s is off by 1.25 s / sqrt(n).
double Rounds::noise() const {
  const auto n = static_cast<double>(medians_.size());
  if (medians_.size() < 2) return std::numeric_limits<double>::infinity();
  const double mean = std::accumulate(medians_.begin(), medians_.end(), 0.0) / n;
  double squares = 0;
  for (const double median : medians_) squares += (median - mean) * (median - mean);
  const double deviation = std::sqrt(squares / (n - 1));
  const double middle = quantile(in_order(medians_), 0.5);
  if (middle <= 0) return std::numeric_limits<double>::infinity();
  return std::max(kSmallestNoise,
                  student_t(medians_.size() - 1) * 1.2533 * deviation / std::sqrt(n) / middle);
}

bool Rounds::finished(const RoundRule& rule) const {
  if (medians_.size() < rule.least_rounds) return false;
  // Half as many rounds again, and more, are spent on what is not stable yet.
  return noise() <= rule.noise || spent_ms_ >= 1e3 * rule.seconds * 2;
}

Timing Rounds::timing(const RoundRule& rule) const {
  if (samples_.empty()) throw std::logic_error("a timing without samples");
  const std::vector<double> sorted = in_order(samples_);
  Timing result;
  result.median_ms = quantile(in_order(medians_), 0.5);
  result.p5_ms = quantile(sorted, 0.05);
  result.p95_ms = quantile(sorted, 0.95);
  result.p99_ms = quantile(sorted, 0.99);
  result.noise = noise();
  result.samples = sorted.size();
  result.rounds = medians_.size();
  result.thrown_out = thrown_out_;
  result.disturbed = disturbed_;
  result.stable = result.noise <= rule.noise;
  return result;
}

}  // namespace ofer::bench
