// Repeated timing of one piece of work.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <vector>

namespace ofer::bench {

// When to stop: after `samples` runs and `seconds`, whichever comes last; with `spread` > 0 go on,
// at most four times as long, until the median is known to that share of itself.
struct StopRule {
  int warm_up = 2;
  int samples = 10;
  double seconds = 2;
  double spread = 0;
};

// The q-quantile of sorted values, between neighbours by their distance.
inline double quantile(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return 0;
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

inline std::vector<double> in_order(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values;
}

// Half the width of the 95 % interval of the median, 1.57 IQR / sqrt(n), over the median.
inline double median_spread(const std::vector<double>& values) {
  const std::vector<double> sorted = in_order(values);
  const double range = quantile(sorted, 0.75) - quantile(sorted, 0.25);
  return 1.57 * range / std::sqrt(static_cast<double>(sorted.size())) / quantile(sorted, 0.5);
}

// Milliseconds of each run behind the warm-up, in order: by the clock, and of all threads together.
// On a machine with other work the second says more.
struct Samples {
  std::vector<double> wall_ms, cpu_ms;
};

inline double cpu_milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

template <class Work>
Samples measure(const StopRule& rule, Work&& work) {
  using Clock = std::chrono::steady_clock;
  for (int i = 0; i < rule.warm_up; ++i) work();
  Samples samples;
  const auto start = Clock::now();
  for (;;) {
    const double cpu_before = cpu_milliseconds();
    const auto before = Clock::now();
    work();
    const auto after = Clock::now();
    samples.cpu_ms.push_back(cpu_milliseconds() - cpu_before);
    samples.wall_ms.push_back(std::chrono::duration<double, std::milli>(after - before).count());
    const double seconds = std::chrono::duration<double>(after - start).count();
    if (seconds < rule.seconds || static_cast<int>(samples.wall_ms.size()) < rule.samples) continue;
    if (rule.spread <= 0 || seconds > 4 * rule.seconds ||
        median_spread(samples.wall_ms) < rule.spread)
      return samples;
  }
}

}  // namespace ofer::bench
