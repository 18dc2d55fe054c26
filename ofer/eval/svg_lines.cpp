#include "ofer/eval/axis_scale.h"
#include "ofer/eval/html_text.h"
#include "ofer/eval/svg_parts.h"
#include "ofer/eval/svg_plot.h"

namespace ofer {

namespace {

constexpr double kLeft = 74, kTop = 12, kRight = 26, kHeight = 270;
constexpr double kWidth = kSvgWidth - kLeft - kRight;
constexpr std::size_t kMostPoints = 1200;  // per line: more than there are pixels across
constexpr std::size_t kMostBars = 40;      // intervals and marks that are drawn one by one

class Lines {
 public:
  Lines(const AxisScale& x, const AxisScale& y) : x_(x), y_(y) {}

  // The axes' numbers and the grid, in the whole drawing's coordinates.
  std::string grid(const LinePlot& plot) const {
    std::string text;
    for (const AxisScale::Tick& tick : y_.ticks()) {
      const double y = kTop + down(tick.value);
      text += svg_line(kLeft, y, kLeft + kWidth, y, "stroke=\"#ddd\"");
      text += svg_text(kLeft - 6, y + 4, "end", tick.text);
    }
    for (const AxisScale::Tick& tick : x_.ticks()) {
      const double x = kLeft + across(tick.value);
      text += svg_line(x, kTop + kHeight, x, kTop + kHeight + 5, "stroke=\"#222\"");
      text += svg_text(x, kTop + kHeight + 18, "middle", tick.text);
    }
    text += svg_box(kLeft, kTop, kWidth, kHeight, "fill=\"none\" stroke=\"#222\"");
    text += svg_text(kLeft + kWidth / 2, kTop + kHeight + 36, "middle", plot.x.title);
    text +=
        svg_text(0, 0, "middle", plot.y.title,
                 "transform=\"translate(14 " + html_number(kTop + kHeight / 2) + ") rotate(-90)\"");
    return text;
  }

  // One series, in the coordinates of the plot's inside.
  std::string series(const Series& series, std::size_t number) const {
    const std::vector<Point> points = thinned(series.points, kMostPoints);
    const std::string colour = series_colour(number);
    std::string text, path, band;
    std::vector<const Point*> run;  // without a gap
    const auto end_run = [&] {
      band += band_of(run);
      run.clear();
    };
    for (const Point& point : points) {
      if (!x_.shows(point.x) || !y_.shows(point.y)) {
        end_run();
        continue;
      }
      path += run.empty() ? " M" : " L";
      path += place(point.x, point.y);
      if (points.size() <= kMostBars) text += marked(point, colour);
      run.push_back(&point);
    }
    end_run();
    if (points.size() <= kMostBars) band.clear();
    if (!band.empty())
      text += "<path d=\"" + band + "\" fill=\"" + colour + "\" fill-opacity=\"0.2\"/>\n";
    if (!path.empty())
      text += "<path d=\"" + path.substr(1) + "\" fill=\"none\" stroke=\"" + colour +
              "\" stroke-width=\"1.8\"" + series_dashes(number) + "/>\n";
    return text;
  }

 private:
  double across(double x) const { return kWidth * x_.place(x); }
  double down(double y) const { return kHeight * (1 - y_.place(y)); }
  std::string place(double x, double y) const {
    return html_number(across(x)) + ' ' + html_number(down(y));
  }

  std::string marked(const Point& point, const std::string& colour) const {
    const double x = across(point.x);
    std::string text = "<circle cx=\"" + html_number(x) + "\" cy=\"" + html_number(down(point.y)) +
                       "\" r=\"3\" fill=\"" + colour + "\"/>\n";
    if (!point.interval || !y_.shows(point.interval->low) || !y_.shows(point.interval->high))
      return text;
    const double low = down(point.interval->low), high = down(point.interval->high);
    const std::string stroke = "stroke=\"" + colour + '"';
    return text + svg_line(x, low, x, high, stroke) + svg_line(x - 4, low, x + 4, low, stroke) +
           svg_line(x - 4, high, x + 4, high, stroke);
  }

  // Along the upper ends and back along the lower ones, over the points that have both.
  std::string band_of(const std::vector<const Point*>& run) const {
    std::string there, back;
    for (const Point* point : run) {
      if (!point->interval || !y_.shows(point->interval->low) || !y_.shows(point->interval->high))
        continue;
      there += (there.empty() ? " M" : " L") + place(point->x, point->interval->high);
      back = " L" + place(point->x, point->interval->low) + back;
    }
    return there.empty() ? there : there + back + " Z";
  }

  const AxisScale& x_;
  const AxisScale& y_;
};

}  // namespace

std::string svg_of(const LinePlot& plot) {
  Extent x_extent(plot.x), y_extent(plot.y);
  for (const Series& series : plot.series)
    for (const Point& point : series.points) {
      if (!y_extent.shows(point.y)) continue;
      x_extent.add(point.x);
      y_extent.add(point.y);
      if (point.interval) {
        y_extent.add(point.interval->low);
        y_extent.add(point.interval->high);
      }
    }
  const AxisScale x(plot.x, x_extent, 8), y(plot.y, y_extent, 6);
  const Lines lines(x, y);

  std::string text = lines.grid(plot);
  // A drawing inside the drawing cuts off what its axes do not show.
  text += "<svg x=\"" + html_number(kLeft) + "\" y=\"" + html_number(kTop) + "\" width=\"" +
          html_number(kWidth) + "\" height=\"" + html_number(kHeight) + "\" overflow=\"hidden\">\n";
  std::vector<std::string> names;
  for (std::size_t s = 0; s < plot.series.size(); ++s) {
    text += lines.series(plot.series[s], s);
    names.push_back(plot.series[s].name);
  }
  text += "</svg>\n";
  double bottom = kTop + kHeight + 42;
  if (names.size() > 1) text += svg_legend(names, true, bottom);
  return svg_frame(bottom + 8, plot.title, text);
}

}  // namespace ofer
