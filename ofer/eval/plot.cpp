#include "ofer/eval/plot.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "engine/error.h"

namespace ofer {

namespace {

void check_range(const std::string& plot, const Axis& axis) {
  if (!axis.range) return;
  const auto [low, high] = *axis.range;
  require(std::isfinite(low) && std::isfinite(high) && low < high, ErrorCode::kBadArgument,
          "plot '", plot, "': axis '", axis.title, "' from ", low, " to ", high);
  require(!axis.logarithmic || low > 0, ErrorCode::kBadArgument, "plot '", plot,
          "': logarithmic axis '", axis.title, "' from ", low, ": start above 0");
}

void check_interval(const std::string& plot, const std::optional<Interval>& interval) {
  require(!interval || (std::isfinite(interval->low) && std::isfinite(interval->high)),
          ErrorCode::kBadArgument, "plot '", plot, "': an interval whose end is not a number");
}

class Names {
 public:
  explicit Names(const std::string& plot) : plot_(plot) {}
  void add(const std::string& name) {
    require(seen_.insert(name).second, ErrorCode::kBadArgument, "plot '", plot_, "' has the name '",
            name, "' twice");
  }

 private:
  const std::string& plot_;
  std::set<std::string> seen_;
};

}  // namespace

void LinePlot::check() const {
  check_range(title, x);
  check_range(title, y);
  Names names(title);
  for (const Series& line : series) {
    names.add(line.name);
    for (const Point& point : line.points) {
      require(std::isfinite(point.x), ErrorCode::kBadArgument, "plot '", title, "', series '",
              line.name, "': an x that is not a number");
      check_interval(title, point.interval);
    }
  }
}

void BarPlot::check() const {
  check_range(title, y);
  require(!y.logarithmic, ErrorCode::kBadArgument, "plot '", title,
          "': bars start at 0, which a logarithmic axis does not have");
  require(!y.range || (y.range->low <= 0 && y.range->high >= 0), ErrorCode::kBadArgument, "plot '",
          title, "': bars start at 0, which the axis leaves out");
  require(!categories.empty() && !series.empty(), ErrorCode::kBadArgument, "plot '", title,
          "' has no bars");
  Names categories_seen(title), names(title);
  for (const std::string& category : categories) categories_seen.add(category);
  for (const Bars& bars : series) {
    names.add(bars.name);
    require(bars.values.size() == categories.size(), ErrorCode::kBadArgument, "plot '", title,
            "', series '", bars.name, "': ", bars.values.size(), " values for ", categories.size(),
            " categories");
    for (const Estimate& value : bars.values) {
      require(!value.value || std::isfinite(*value.value), ErrorCode::kBadArgument, "plot '", title,
              "', series '", bars.name, "': a value that is not finite");
      check_interval(title, value.interval);
    }
  }
}

std::int64_t ConfusionPlot::samples(std::size_t truth) const {
  std::int64_t sum = 0;
  for (std::size_t predicted = 0; predicted < labels.size(); ++predicted)
    sum += at(truth, predicted);
  return sum;
}

void ConfusionPlot::check() const {
  require(!labels.empty() && counts.size() == labels.size() * labels.size(),
          ErrorCode::kBadArgument, "plot '", title, "': ", counts.size(), " counts for ",
          labels.size(), " classes");
  for (const std::int64_t count : counts)
    require(count >= 0, ErrorCode::kBadArgument, "plot '", title, "': a count of ", count);
}

std::vector<Point> thinned(const std::vector<Point>& points, std::size_t most) {
  if (points.size() <= most || most < 8) return points;
  const std::size_t stretches = most / 5;  // four points and a gap
  std::vector<Point> result;
  for (std::size_t s = 0; s < stretches; ++s) {
    const std::size_t first = s * points.size() / stretches;
    const std::size_t end = (s + 1) * points.size() / stretches;
    std::set<std::size_t> kept;
    std::optional<std::size_t> gap, from, to, lowest, highest;
    for (std::size_t i = first; i < end; ++i) {
      if (!std::isfinite(points[i].y)) {
        if (!gap) gap = i;
        continue;
      }
      if (!from) from = i;
      to = i;
      if (!lowest || points[i].y < points[*lowest].y) lowest = i;
      if (!highest || points[i].y > points[*highest].y) highest = i;
    }
    for (const auto& index : {gap, from, to, lowest, highest})
      if (index) kept.insert(*index);
    for (const std::size_t index : kept) result.push_back(points[index]);
  }
  return result;
}

}  // namespace ofer
