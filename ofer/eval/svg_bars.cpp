#include <algorithm>

#include "engine/terminal_text.h"
#include "ofer/eval/axis_scale.h"
#include "ofer/eval/html_text.h"
#include "ofer/eval/svg_parts.h"
#include "ofer/eval/svg_plot.h"

namespace ofer {

namespace {

constexpr double kBar = 16, kBetween = 10, kTop = 6;
constexpr int kMostLabel = 34;  // columns

std::string shortened(const std::string& text, int columns) {
  return display_width(text) > columns ? fit_start(text, columns) : text;
}

}  // namespace

std::string svg_of(const BarPlot& plot) {
  int label_columns = 0, value_columns = 0;
  Extent extent(plot.y);
  extent.add(0);
  for (const std::string& category : plot.categories)
    label_columns = std::max(label_columns, std::min(display_width(category), kMostLabel));
  for (const BarPlot::Bars& bars : plot.series)
    for (const Estimate& value : bars.values) {
      value_columns = std::max(value_columns, display_width(estimate_text(value, plot.y.style)));
      if (value.value) extent.add(*value.value);
      if (!value.interval) continue;
      extent.add(value.interval->low);
      extent.add(value.interval->high);
    }
  const double left = kSvgCharacter * label_columns + 10;
  const double width =
      std::max(kSvgWidth - left - kSvgCharacter * std::min(value_columns, 40) - 10, 120.0);
  const AxisScale scale(plot.y, extent, 5);
  const auto across = [&](double value) {
    return left + width * std::clamp(scale.place(value), 0.0, 1.0);
  };
  const double group = kBar * static_cast<double>(plot.series.size()) + kBetween;
  const double height = group * static_cast<double>(plot.categories.size());

  std::string text;
  for (const AxisScale::Tick& tick : scale.ticks()) {
    const double x = across(tick.value);
    text += svg_line(x, kTop, x, kTop + height, "stroke=\"#ddd\"");
    text += svg_text(x, kTop + height + 16, "middle", tick.text);
  }
  std::vector<std::string> names;
  for (const BarPlot::Bars& bars : plot.series) names.push_back(bars.name);
  for (std::size_t c = 0; c < plot.categories.size(); ++c) {
    const double top = kTop + group * static_cast<double>(c) + kBetween / 2;
    text += svg_text(left - 6, top + (group - kBetween) / 2 + 4, "end",
                     shortened(plot.categories[c], kMostLabel));
    for (std::size_t s = 0; s < plot.series.size(); ++s) {
      const Estimate& value = plot.series[s].values[c];
      const double y = top + kBar * static_cast<double>(s);
      text += svg_text(kSvgWidth, y + kBar - 4, "end", estimate_text(value, plot.y.style));
      if (!value.value || !scale.shows(*value.value)) continue;
      const double from = across(std::min(0.0, *value.value)),
                   to = across(std::max(0.0, *value.value));
      text += svg_box(from, y + 1, to - from, kBar - 2,
                      std::string("fill=\"") + series_colour(s) + "\" fill-opacity=\"0.75\"");
      if (!value.interval) continue;
      const double low = across(value.interval->low), high = across(value.interval->high);
      const double middle = y + kBar / 2;
      text += svg_line(low, middle, high, middle, "stroke=\"#000\"");
      text += svg_line(low, middle - 4, low, middle + 4, "stroke=\"#000\"");
      text += svg_line(high, middle - 4, high, middle + 4, "stroke=\"#000\"");
    }
  }
  text += svg_line(across(0), kTop, across(0), kTop + height, "stroke=\"#222\"");
  text += svg_text(left + width / 2, kTop + height + 34, "middle", plot.y.title);
  double bottom = kTop + height + 40;
  if (names.size() > 1) text += svg_legend(names, false, bottom);
  return svg_frame(bottom + 8, plot.title, text);
}

}  // namespace ofer
