// From numbers to places along an axis, and the numbers written beside it.
#pragma once

#include <string>
#include <vector>

#include "ofer/eval/plot.h"

namespace ofer {

// What is beyond is left out of drawings, so that differences of two such numbers stay finite.
inline constexpr double kMostDrawn = 1e300;

// Collects how far data reach.
class Extent {
 public:
  explicit Extent(const Axis& axis) : logarithmic_(axis.logarithmic) {}
  // Numbers that the axis cannot show are passed over.
  void add(double value);
  bool shows(double value) const;
  bool empty() const { return empty_; }
  Interval interval() const { return {low_, high_}; }

 private:
  bool logarithmic_, empty_ = true;
  double low_ = 0, high_ = 0;
};

class AxisScale {
 public:
  struct Tick {
    double value;
    std::string text;
  };

  // From the axis's own range, or the data's, widened to whole steps. Steps are 1, 2 or 5 times a
  // power of ten, on a logarithmic axis the powers of ten. About `ticks` of them.
  AxisScale(const Axis& axis, const Extent& data, int ticks);

  // 0 at the start of the axis, 1 at its end; beyond for values beyond.
  double place(double value) const;
  bool shows(double value) const { return extent_.shows(value); }
  const std::vector<Tick>& ticks() const { return ticks_; }

 private:
  void linear(const Axis& axis, int ticks);
  void logarithmic(const Axis& axis, int ticks);

  Extent extent_;
  bool logarithmic_;
  double low_ = 0, high_ = 1;  // logarithms on a logarithmic axis
  std::vector<Tick> ticks_;
};

}  // namespace ofer
