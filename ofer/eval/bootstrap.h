// How sure a figure is: percentile intervals by bootstrap (Efron and Tibshirani, "An Introduction
// to the Bootstrap", 1993, chapter 13).
//
// What is drawn, with replacement and as many as there are, is a unit: everything that came from
// one source goes together, because it is not independent. The patches of an image are one unit,
// and so are the pictures made of one face when several were. A resample is the list of its units;
// the figure is computed on each, and the interval holds the middle 95 % of what came out.
//
// Draw j of resample r is number j of the SplitMix64 sequence that seed and r name, so that equal
// seeds draw the same units for every figure: figures of two systems on the same units are paired
// without more ado, and their difference has an interval of its own (difference()).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "engine/function_ref.h"

namespace ofer {

struct Interval {
  double low = 0, high = 0;
  bool operator==(const Interval&) const = default;
};

struct BootstrapOptions {
  std::uint64_t seed = 1;
  int resamples = 2000;
  double confidence = 0.95;
  bool operator==(const BootstrapOptions&) const = default;
};

// A figure with its interval, as tables show it.
struct Estimate {
  std::optional<double> value;       // none where the data do not define it
  std::optional<Interval> interval;  // none without a value, of fewer than two units, or where
                                     // fewer than half of the resamples define the figure
  int undefined = 0;                 // resamples that do not define it; left out of the interval
};

// A figure on the data as they are and on every resample.
struct Replicates {
  std::optional<double> value;
  std::vector<double> resampled;  // [resamples]; NaN where the figure is not defined
  std::int64_t units = 0;
  BootstrapOptions options;
};

// The interval's ends are the quantiles (1 - confidence) / 2 and (1 + confidence) / 2 of the
// defined resamples, interpolated between neighbours in rank.
Estimate estimate(const Replicates& figure);

// Of a - b, resample by resample. Throws kBadArgument unless both were drawn alike: as many units,
// the same options. That the units are the same, in the same order, is the caller's to see to.
Estimate difference(const Replicates& a, const Replicates& b);

// The draws. A plain value; may be read by several threads.
class Resampling {
 public:
  // Throws kBadArgument unless units >= 1, 1 <= resamples <= 1,000,000, 0 < confidence < 1.
  Resampling(std::int64_t units, const BootstrapOptions& options);

  std::int64_t units() const { return units_; }
  const BootstrapOptions& options() const { return options_; }

  // The units of resample r, in the order they were drawn. units: [units()].
  void draw(int resample, std::span<std::int64_t> units) const;
  // How often each unit is in resample r. times: [units()].
  void count(int resample, std::span<double> times) const;

 private:
  std::int64_t units_;
  BootstrapOptions options_;
};

// Any figure, as a function of the units drawn. It is called once with 0, 1, ..., units - 1 and
// once per resample. A value that is not finite is taken as not defined.
using UnitsFigure = FunctionRef<std::optional<double>(std::span<const std::int64_t> units)>;
Replicates resample(std::int64_t units, UnitsFigure figure, const BootstrapOptions& options);

// What a figure needs to know about its data, if sums are enough: one row of `columns` numbers per
// unit. A resample's sums then cost one pass over the rows, whatever the unit holds.
class UnitSums {
 public:
  // Throws kBadArgument unless both are at least 1.
  UnitSums(std::int64_t units, int columns);

  std::int64_t units() const { return units_; }
  int columns() const { return columns_; }
  // Throws kBadArgument when there is no such place or the amount is not finite.
  void add(std::int64_t unit, int column, double amount);
  std::span<const double> row(std::int64_t unit) const;

 private:
  std::int64_t units_;
  int columns_;
  std::vector<double> values_;
};

// A figure as a function of the columns' sums.
using SumsFigure = std::function<std::optional<double>(std::span<const double> sums)>;

// Sum of column `numerator` over that of `denominator`, not defined where the latter is 0.
SumsFigure ratio_of(int numerator, int denominator);

// All figures on the same resamples, in their order.
std::vector<Replicates> resample_sums(const UnitSums& sums, std::span<const SumsFigure> figures,
                                      const BootstrapOptions& options);

// Which unit each of `items` belongs to: the numbers 0 to units - 1, each at least once.
struct Units {
  std::vector<std::int64_t> of;  // [items]
  std::int64_t count = 0;
};

// From any names of units (such as the number of the face a picture shows), numbered by first
// appearance; no names: every item is a unit. Throws kBadArgument when there are names, but not as
// many as items.
Units number_units(std::span<const std::int64_t> names, std::int64_t items);

// The mean of one value per item. Throws kBadArgument for a value that is not finite, and when
// values and units do not fit together.
Replicates resample_mean(std::span<const double> values, const Units& units,
                         const BootstrapOptions& options);

}  // namespace ofer
