#include "ofer/eval/axis_scale.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace ofer {

namespace {

// Below it a power of ten may no longer be divided by.
constexpr double kLeastDrawn = 1e-280;

std::string written(const char* pattern, int digits, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), pattern, digits, value);
  return text;
}

// As many digits as neighbours that are `step` apart need.
std::string tick_text(double value, double step, NumberStyle style) {
  const bool percent = style.kind == NumberStyle::Kind::kPercent;
  if (percent) {
    value *= 100;
    step *= 100;
  }
  if (std::abs(value) < step / 2) value = 0;
  const int digits = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  const std::string number = digits > 6 || std::abs(value) >= 1e7 ? written("%.*g", 6, value)
                                                                  : written("%.*f", digits, value);
  return number + (percent ? " %" : "");
}

// The smallest of 1, 2, 5 times a power of ten that is not below.
double round_step(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

}  // namespace

void Extent::add(double value) {
  if (!shows(value)) return;
  low_ = empty_ ? value : std::min(low_, value);
  high_ = empty_ ? value : std::max(high_, value);
  empty_ = false;
}

bool Extent::shows(double value) const {
  return std::abs(value) <= kMostDrawn && (!logarithmic_ || value > 0);  // NaN is not
}

AxisScale::AxisScale(const Axis& axis, const Extent& data, int ticks)
    : extent_(axis), logarithmic_(axis.logarithmic) {
  const Interval range = axis.range     ? *axis.range
                         : data.empty() ? Interval{axis.logarithmic ? 0.1 : 0.0, 1.0}
                                        : data.interval();
  low_ = range.low;
  high_ = range.high;
  if (logarithmic_)
    logarithmic(axis, ticks);
  else
    linear(axis, ticks);
}

void AxisScale::linear(const Axis& axis, int ticks) {
  // Of one value, or of values that doubles hardly tell apart.
  const double size = std::max(std::abs(low_), std::abs(high_));
  if (high_ - low_ <= std::max(1e-9 * size, kLeastDrawn)) {
    const double around = size > kLeastDrawn ? size / 2 : 0.5;
    low_ -= around;
    high_ += around;
  }
  const double step = round_step((high_ - low_) / ticks);
  if (!axis.range) {
    low_ = std::floor(low_ / step + 1e-9) * step;
    high_ = std::ceil(high_ / step - 1e-9) * step;
  }
  const double first = std::ceil(low_ / step - 1e-9);
  for (int i = 0; i <= 2 * ticks + 2; ++i) {
    const double value = (first + i) * step;
    if (value > high_ + 1e-9 * step) break;
    ticks_.push_back({value, tick_text(value, step, axis.style)});
  }
}

void AxisScale::logarithmic(const Axis& axis, int ticks) {
  low_ = std::log10(low_);
  high_ = std::log10(high_);
  if (!axis.range) {
    low_ = std::floor(low_ + 1e-9);
    high_ = std::max(std::ceil(high_ - 1e-9), low_ + 1);
  }
  const int first = static_cast<int>(std::floor(low_)), last = static_cast<int>(std::ceil(high_));
  const int every = std::max(1, (last - first + ticks - 1) / ticks);
  const bool few = last - first <= 2;
  const bool percent = axis.style.kind == NumberStyle::Kind::kPercent;
  for (int power = first; power <= last; power += every)
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor > 1 && !few) break;
      const double value = factor * std::pow(10, power), at = std::log10(value);
      if (at < low_ - 1e-9 || at > high_ + 1e-9) continue;
      ticks_.push_back(
          {value, percent ? written("%.*g", 6, 100 * value) + " %" : written("%.*g", 6, value)});
    }
}

double AxisScale::place(double value) const {
  return ((logarithmic_ ? std::log10(value) : value) - low_) / (high_ - low_);
}

}  // namespace ofer
