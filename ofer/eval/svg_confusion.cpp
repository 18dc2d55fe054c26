#include <algorithm>
#include <cmath>
#include <cstdio>

#include "engine/terminal_text.h"
#include "ofer/eval/html_text.h"
#include "ofer/eval/svg_parts.h"
#include "ofer/eval/svg_plot.h"

namespace ofer {

namespace {

constexpr int kMostLabel = 16;        // columns
constexpr double kLeastWritten = 30;  // the smallest square that holds a count

// White for 0, a dark blue for 1.
std::string shade(double share) {
  const auto mixed = [share](int dark) {
    return static_cast<int>(std::lround(255 + share * (dark - 255)));
  };
  char text[8];
  std::snprintf(text, sizeof(text), "#%02x%02x%02x", mixed(0x08), mixed(0x45), mixed(0x94));
  return text;
}

std::string shortened(const std::string& text) {
  return display_width(text) > kMostLabel ? fit_start(text, kMostLabel) : text;
}

}  // namespace

std::string svg_of(const ConfusionPlot& plot) {
  const std::size_t classes = plot.labels.size();
  int columns = 0;
  for (const std::string& label : plot.labels)
    columns = std::max(columns, std::min(display_width(label), kMostLabel));
  const double left = kSvgCharacter * columns + 36, top = 0.75 * kSvgCharacter * columns + 40;
  constexpr double kNote = 110;  // behind a row: what it has in all
  const double side =
      std::clamp((kSvgWidth - left - kNote) / static_cast<double>(classes), 4.0, 62.0);
  const double whole = side * static_cast<double>(classes);

  std::string text = svg_text(left + whole / 2, 14, "middle", "taken for");
  text += svg_text(0, 0, "middle", "true class",
                   "transform=\"translate(14 " + html_number(top + whole / 2) + ") rotate(-90)\"");
  for (std::size_t i = 0; i < classes; ++i) {
    const double middle = side * (static_cast<double>(i) + 0.5);
    text += svg_text(left - 6, top + middle + 4, "end", shortened(plot.labels[i]));
    text += svg_text(0, 0, "start", shortened(plot.labels[i]),
                     "transform=\"translate(" + html_number(left + middle) + ' ' +
                         html_number(top - 6) + ") rotate(-40)\"");
  }
  for (std::size_t truth = 0; truth < classes; ++truth) {
    const std::int64_t all = plot.samples(truth);
    const double y = top + side * static_cast<double>(truth);
    for (std::size_t predicted = 0; predicted < classes; ++predicted) {
      const std::int64_t count = plot.at(truth, predicted);
      const double share = all > 0 ? static_cast<double>(count) / static_cast<double>(all) : 0;
      const double x = left + side * static_cast<double>(predicted);
      text += svg_box(x, y, side, side, "fill=\"" + shade(share) + "\" stroke=\"#bbb\"");
      if (side < kLeastWritten || count == 0) continue;
      const std::string colour = share > 0.5 ? "fill=\"#fff\"" : "fill=\"#222\"";
      const bool both = side >= 44;
      text += svg_text(x + side / 2, y + side / 2 + (both ? -2 : 4), "middle",
                       std::to_string(count), colour);
      if (both)
        text += svg_text(x + side / 2, y + side / 2 + 13, "middle",
                         number_text(share, {NumberStyle::Kind::kPercent, 0}),
                         colour + " font-size=\"10\"");
    }
    if (side >= 12)
      text += svg_text(left + whole + 8, y + side / 2 + 4, "start",
                       all > 0 ? std::to_string(all) + " in all" : "no samples");
  }
  return svg_frame(top + whole + 10, plot.title, text);
}

}  // namespace ofer
