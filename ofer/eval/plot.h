// Plots, apart from how they are drawn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ofer/eval/bootstrap.h"
#include "ofer/eval/table.h"

namespace ofer {

struct Axis {
  std::string title;
  NumberStyle style =
      kGeneralStyle;              // of JSON and text; the ticks of a drawing choose their digits
  std::optional<Interval> range;  // none: what the data need
  bool logarithmic = false;       // values that are not above 0 are then left out
};

struct Point {
  double x = 0, y = 0;  // y not finite: a gap in the line
  std::optional<Interval> interval;
};

// Points in the order of the line.
struct Series {
  std::string name;
  std::vector<Point> points;
};

struct LinePlot {
  std::string title;
  Axis x, y;
  std::vector<Series> series;
  std::vector<std::string> notes;

  // Throws kBadArgument: an x that is not finite, an interval whose ends are no numbers, a range
  // that is empty or, on a logarithmic axis, not above 0, two series of one name.
  void check() const;
};

// A bar for each series in each category, from 0.
struct BarPlot {
  struct Bars {
    std::string name;
    std::vector<Estimate> values;  // one for each category
  };
  std::string title;
  std::vector<std::string> categories;
  Axis y;  // not logarithmic: a bar starts at 0
  std::vector<Bars> series;
  std::vector<std::string> notes;

  // Throws kBadArgument: another number of values than categories, no category, no series, a
  // logarithmic axis, a range that is empty or without 0, a value that is not finite, two series or
  // categories of one name.
  void check() const;
};

// How many of each true class (row) were taken for each class (column).
struct ConfusionPlot {
  std::string title;
  std::vector<std::string> labels;   // [classes]
  std::vector<std::int64_t> counts;  // [classes, classes]
  std::vector<std::string> notes;

  std::int64_t at(std::size_t truth, std::size_t predicted) const {
    return counts[truth * labels.size() + predicted];
  }
  std::int64_t samples(std::size_t truth) const;  // of a row
  // Throws kBadArgument: no label, another number of counts, a count below 0.
  void check() const;
};

// At most `most` points that draw the same line: of each stretch of x only the first, the last, the
// lowest and the highest point stay, and one gap where there was any. Points without a choice
// (fewer than `most`, at least 8) stay as they are.
std::vector<Point> thinned(const std::vector<Point>& points, std::size_t most);

}  // namespace ofer
