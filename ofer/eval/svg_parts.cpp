#include "ofer/eval/svg_parts.h"

#include <iterator>

#include "engine/terminal_text.h"
#include "ofer/eval/html_text.h"

namespace ofer {

namespace {

constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                    "#a67c00", "#56b4e9", "#000000"};
constexpr const char* kDashes[] = {"", "7 3", "2 3", "9 3 2 3"};

std::string attribute(const char* name, double value) {
  return std::string(" ") + name + "=\"" + html_number(value) + '"';
}

}  // namespace

std::string svg_frame(double height, const std::string& title, const std::string& inside) {
  const std::string width = html_number(kSvgWidth), tall = html_number(height);
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"" + html_text(title) +
         "\" viewBox=\"0 0 " + width + ' ' + tall + "\" width=\"" + width + "\" height=\"" + tall +
         "\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n" + inside + "</svg>\n";
}

std::string svg_text(double x, double y, const char* anchor, const std::string& text,
                     const std::string& more_attributes) {
  return "<text" + attribute("x", x) + attribute("y", y) + " text-anchor=\"" + anchor + '"' +
         (more_attributes.empty() ? "" : " " + more_attributes) + '>' + html_text(text) +
         "</text>\n";
}

std::string svg_line(double x1, double y1, double x2, double y2, const std::string& attributes) {
  return "<line" + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) +
         attribute("y2", y2) + ' ' + attributes + "/>\n";
}

std::string svg_box(double x, double y, double width, double height,
                    const std::string& attributes) {
  return "<rect" + attribute("x", x) + attribute("y", y) + attribute("width", width) +
         attribute("height", height) + ' ' + attributes + "/>\n";
}

const char* series_colour(std::size_t series) {
  return kColours[series % std::size(kColours)];
}

std::string series_dashes(std::size_t series) {
  // 7 colours and 4 patterns have no common divisor: 28 pairs.
  const char* dashes = kDashes[series % std::size(kDashes)];
  return *dashes ? std::string(" stroke-dasharray=\"") + dashes + '"' : std::string();
}

std::string svg_legend(const std::vector<std::string>& names, bool lines, double& y) {
  constexpr double kMark = 34, kRow = 18;
  std::string text;
  double x = 0;
  for (std::size_t s = 0; s < names.size(); ++s) {
    const int columns = display_width(names[s]);
    const int most = static_cast<int>((kSvgWidth - kMark) / kSvgCharacter);
    const std::string name = columns > most ? fit_start(names[s], most) : names[s];
    const double width = kMark + kSvgCharacter * (display_width(name) + 2);
    if (s == 0 || x + width > kSvgWidth + 2 * kSvgCharacter) {
      x = 0;
      y += kRow;
    }
    const std::string colour = series_colour(s);
    text += lines ? svg_line(x, y - 4, x + kMark - 6, y - 4,
                             "stroke=\"" + colour + "\" stroke-width=\"2\"" + series_dashes(s))
                  : svg_box(x + 12, y - 10, 12, 12, "fill=\"" + colour + '"');
    text += svg_text(x + kMark, y, "start", name);
    x += width;
  }
  return text;
}

}  // namespace ofer
