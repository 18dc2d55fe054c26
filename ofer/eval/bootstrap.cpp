#include "ofer/eval/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "engine/error.h"
#include "weights/split_mix.h"

namespace ofer {

namespace {

constexpr int kMostResamples = 1'000'000;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::optional<double> defined(std::optional<double> value) {
  return value && std::isfinite(*value) ? value : std::nullopt;
}

// sorted: at least one value.
double quantile(std::span<const double> sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

Estimate estimate(const Replicates& figure) {
  Estimate result;
  result.value = figure.value;
  std::vector<double> sorted;
  for (double value : figure.resampled)
    if (!std::isnan(value)) sorted.push_back(value);
  result.undefined = static_cast<int>(figure.resampled.size() - sorted.size());
  if (!figure.value || figure.units < 2 || 2 * sorted.size() < figure.resampled.size() ||
      sorted.empty())
    return result;
  std::sort(sorted.begin(), sorted.end());
  const double outside = (1 - figure.options.confidence) / 2;
  result.interval = {quantile(sorted, outside), quantile(sorted, 1 - outside)};
  return result;
}

Estimate difference(const Replicates& a, const Replicates& b) {
  require(a.units == b.units && a.resampled.size() == b.resampled.size(), ErrorCode::kBadArgument,
          "a paired difference needs the same units: ", a.units, " units with ", a.resampled.size(),
          " resamples and ", b.units, " with ", b.resampled.size());
  require(a.options == b.options, ErrorCode::kBadArgument,
          "a paired difference needs the same draws: give both figures the same seed and "
          "confidence");
  Replicates result{std::nullopt, a.resampled, a.units, a.options};
  if (a.value && b.value) result.value = *a.value - *b.value;
  for (std::size_t r = 0; r < result.resampled.size(); ++r) result.resampled[r] -= b.resampled[r];
  return estimate(result);
}

Resampling::Resampling(std::int64_t units, const BootstrapOptions& options)
    : units_(units), options_(options) {
  require(units >= 1, ErrorCode::kBadArgument, "a bootstrap of ", units,
          " units: there is nothing to draw from");
  require(options.resamples >= 1 && options.resamples <= kMostResamples, ErrorCode::kBadArgument,
          "a bootstrap of ", options.resamples, " resamples: give 1 to ", kMostResamples);
  require(options.confidence > 0 && options.confidence < 1, ErrorCode::kBadArgument,
          "a bootstrap with confidence ", options.confidence, ": give a share between 0 and 1");
}

void Resampling::draw(int resample, std::span<std::int64_t> units) const {
  OFER_ASSERT(static_cast<std::int64_t>(units.size()) == units_);
  const std::uint64_t sequence = split_mix(options_.seed, static_cast<std::uint64_t>(resample));
  const auto count = static_cast<std::uint64_t>(units_);
  // The remainder favours small numbers by less than units / 2^64.
  for (std::uint64_t j = 0; j < count; ++j)
    units[static_cast<std::size_t>(j)] = static_cast<std::int64_t>(split_mix(sequence, j) % count);
}

void Resampling::count(int resample, std::span<double> times) const {
  OFER_ASSERT(static_cast<std::int64_t>(times.size()) == units_);
  std::fill(times.begin(), times.end(), 0.0);
  const std::uint64_t sequence = split_mix(options_.seed, static_cast<std::uint64_t>(resample));
  const auto count = static_cast<std::uint64_t>(units_);
  for (std::uint64_t j = 0; j < count; ++j)
    times[static_cast<std::size_t>(split_mix(sequence, j) % count)] += 1;
}

Replicates resample(std::int64_t units, UnitsFigure figure, const BootstrapOptions& options) {
  const Resampling resampling(units, options);
  std::vector<std::int64_t> drawn(static_cast<std::size_t>(units));
  std::iota(drawn.begin(), drawn.end(), 0);
  Replicates result{defined(figure(drawn)), {}, units, options};
  result.resampled.reserve(static_cast<std::size_t>(options.resamples));
  for (int r = 0; r < options.resamples; ++r) {
    resampling.draw(r, drawn);
    result.resampled.push_back(defined(figure(drawn)).value_or(kNone));
  }
  return result;
}

UnitSums::UnitSums(std::int64_t units, int columns) : units_(units), columns_(columns) {
  require(units >= 1 && columns >= 1, ErrorCode::kBadArgument, "sums of ", units, " units and ",
          columns, " columns: there is nothing to add up");
  values_.resize(static_cast<std::size_t>(units) * static_cast<std::size_t>(columns));
}

void UnitSums::add(std::int64_t unit, int column, double amount) {
  require(unit >= 0 && unit < units_ && column >= 0 && column < columns_, ErrorCode::kBadArgument,
          "unit ", unit, ", column ", column, " of sums of ", units_, " units and ", columns_,
          " columns");
  require(std::isfinite(amount), ErrorCode::kBadArgument, "unit ", unit, ", column ", column, ": ",
          amount, " cannot be added up; leave such items out and count them");
  values_[static_cast<std::size_t>(unit * columns_ + column)] += amount;
}

std::span<const double> UnitSums::row(std::int64_t unit) const {
  return std::span(values_).subspan(static_cast<std::size_t>(unit * columns_),
                                    static_cast<std::size_t>(columns_));
}

SumsFigure ratio_of(int numerator, int denominator) {
  return [numerator, denominator](std::span<const double> sums) -> std::optional<double> {
    const double below = sums[static_cast<std::size_t>(denominator)];
    if (below == 0) return std::nullopt;
    return sums[static_cast<std::size_t>(numerator)] / below;
  };
}

std::vector<Replicates> resample_sums(const UnitSums& sums, std::span<const SumsFigure> figures,
                                      const BootstrapOptions& options) {
  const Resampling resampling(sums.units(), options);
  std::vector<double> times(static_cast<std::size_t>(sums.units()), 1.0);
  std::vector<double> total(static_cast<std::size_t>(sums.columns()));
  const auto add_up = [&] {
    std::fill(total.begin(), total.end(), 0.0);
    for (std::int64_t unit = 0; unit < sums.units(); ++unit) {
      const double weight = times[static_cast<std::size_t>(unit)];
      if (weight == 0) continue;
      const std::span<const double> row = sums.row(unit);
      for (std::size_t c = 0; c < total.size(); ++c) total[c] += weight * row[c];
    }
  };

  add_up();
  std::vector<Replicates> results;
  for (const SumsFigure& figure : figures)
    results.push_back({defined(figure(total)), {}, sums.units(), options});
  for (int r = 0; r < options.resamples; ++r) {
    resampling.count(r, times);
    add_up();
    for (std::size_t i = 0; i < figures.size(); ++i)
      results[i].resampled.push_back(defined(figures[i](total)).value_or(kNone));
  }
  return results;
}

Units number_units(std::span<const std::int64_t> names, std::int64_t items) {
  Units units;
  units.of.reserve(static_cast<std::size_t>(items));
  if (names.empty()) {
    for (std::int64_t i = 0; i < items; ++i) units.of.push_back(i);
    units.count = items;
    return units;
  }
  require(static_cast<std::int64_t>(names.size()) == items, ErrorCode::kBadArgument, names.size(),
          " names of units for ", items, " items: give one for each, or none");
  std::unordered_map<std::int64_t, std::int64_t> numbers;
  for (std::int64_t name : names)
    units.of.push_back(
        numbers.emplace(name, static_cast<std::int64_t>(numbers.size())).first->second);
  units.count = static_cast<std::int64_t>(numbers.size());
  return units;
}

Replicates resample_mean(std::span<const double> values, const Units& units,
                         const BootstrapOptions& options) {
  require(values.size() == units.of.size(), ErrorCode::kBadArgument, "a mean of ", values.size(),
          " values with the units of ", units.of.size());
  UnitSums sums(units.count, 2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    sums.add(units.of[i], 0, values[i]);
    sums.add(units.of[i], 1, 1);
  }
  const SumsFigure mean = ratio_of(0, 1);
  return resample_sums(sums, {&mean, 1}, options).front();
}

}  // namespace ofer
