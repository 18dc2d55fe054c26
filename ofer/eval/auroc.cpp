#include "ofer/eval/auroc.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "engine/error.h"

namespace ofer {

namespace {

// Resamples of one pass: the sums of 8 stay in registers, and the weights of a thousand units in
// the second level of cache.
constexpr std::size_t kLanes = 8;
using Lanes = std::array<double, kLanes>;

struct Sample {
  std::uint32_t unit;
  bool positive;
  bool last;  // of its score
};

std::vector<Sample> sorted_samples(std::span<const float> scores,
                                   std::span<const std::uint8_t> positive,
                                   std::span<const std::int64_t> unit, std::int64_t units) {
  require(scores.size() == positive.size() && scores.size() == unit.size(), ErrorCode::kBadArgument,
          "AUROC of ", scores.size(), " scores with ", positive.size(), " truths and ", unit.size(),
          " units: give one of each for every sample");
  require(scores.size() < std::numeric_limits<std::uint32_t>::max() &&
              units <= std::numeric_limits<std::uint32_t>::max(),
          ErrorCode::kBadArgument, "AUROC of ", scores.size(), " samples: give fewer than 2^32");
  for (std::size_t i = 0; i < scores.size(); ++i) {
    require(!std::isnan(scores[i]), ErrorCode::kBadArgument, "AUROC: score ", i,
            " is not a number; look for what made it so");
    require(positive[i] <= 1, ErrorCode::kBadArgument, "AUROC: truth ", i, " is ",
            static_cast<int>(positive[i]), "; give 0 or 1");
    require(unit[i] >= 0 && unit[i] < units, ErrorCode::kBadArgument, "AUROC: sample ", i,
            " is of unit ", unit[i], " of ", units);
  }
  std::vector<std::uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return scores[a] < scores[b]; });
  std::vector<Sample> samples;
  samples.reserve(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint32_t at = order[i];
    const bool last = i + 1 == order.size() || scores[order[i + 1]] != scores[at];
    samples.push_back({static_cast<std::uint32_t>(unit[at]), positive[at] == 1, last});
  }
  return samples;
}

// times: [units], how often each unit counts in each lane. NaN where a lane has only one kind.
Lanes areas(std::span<const Sample> samples, std::span<const Lanes> times) {
  Lanes twice{}, below{}, positives{}, tied_positive{}, tied_negative{};
  bool tied = false;
  for (const Sample& sample : samples) {
    const Lanes& weight = times[sample.unit];
    if (sample.last && !tied) {  // alone with its score, as most are: the same in fewer steps
      if (sample.positive) {
        for (std::size_t i = 0; i < kLanes; ++i) {
          twice[i] += 2 * weight[i] * below[i];
          positives[i] += weight[i];
        }
      } else {
        for (std::size_t i = 0; i < kLanes; ++i) below[i] += weight[i];
      }
      continue;
    }
    Lanes& sum = sample.positive ? tied_positive : tied_negative;
    for (std::size_t i = 0; i < kLanes; ++i) sum[i] += weight[i];
    tied = !sample.last;
    if (tied) continue;
    for (std::size_t i = 0; i < kLanes; ++i) {
      twice[i] += tied_positive[i] * (2 * below[i] + tied_negative[i]);
      positives[i] += tied_positive[i];
      below[i] += tied_negative[i];
      tied_positive[i] = tied_negative[i] = 0;
    }
  }
  Lanes result;
  for (std::size_t i = 0; i < kLanes; ++i) result[i] = twice[i] / (2 * positives[i] * below[i]);
  return result;
}

std::optional<double> area(std::span<const Sample> samples, std::span<Lanes> times) {
  for (Lanes& weight : times) weight.fill(1);
  const double value = areas(samples, times)[0];
  return std::isnan(value) ? std::nullopt : std::optional(value);
}

}  // namespace

std::optional<double> auroc(std::span<const float> scores, std::span<const std::uint8_t> positive) {
  const std::vector<std::int64_t> unit(scores.size(), 0);
  Lanes times;
  return area(sorted_samples(scores, positive, unit, 1), {&times, 1});
}

Replicates resample_auroc(std::span<const float> scores, std::span<const std::uint8_t> positive,
                          std::span<const std::int64_t> unit, std::int64_t units,
                          const BootstrapOptions& options) {
  const Resampling resampling(units, options);
  const std::vector<Sample> samples = sorted_samples(scores, positive, unit, units);
  std::vector<Lanes> times(static_cast<std::size_t>(units));
  Replicates result{area(samples, times), {}, units, options};
  std::vector<double> drawn(static_cast<std::size_t>(units));
  const auto resamples = static_cast<std::size_t>(options.resamples);
  for (std::size_t first = 0; first < resamples; first += kLanes) {
    const std::size_t count = std::min(kLanes, resamples - first);
    for (std::size_t lane = 0; lane < count; ++lane) {
      resampling.count(static_cast<int>(first + lane), drawn);
      for (std::size_t u = 0; u < drawn.size(); ++u) times[u][lane] = drawn[u];
    }
    const Lanes values = areas(samples, times);
    result.resampled.insert(result.resampled.end(), values.begin(),
                            values.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return result;
}

}  // namespace ofer
