#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "engine/terminal_text.h"
#include "ofer/eval/report.h"

namespace ofer {

namespace {

constexpr int kGap = 2;                // between columns
constexpr int kLeastFirst = 12;        // to which a first column of text may be shortened
constexpr std::size_t kMostRows = 40;  // of a line plot that is shown point by point

std::size_t index(int i) {
  return static_cast<std::size_t>(i);
}

class TextWriter {
 public:
  explicit TextWriter(const TextOptions& options)
      : width_(std::max(options.width, 20)), rule_(options.unicode ? "─" : "-") {}

  std::string take() { return std::move(text_); }

  void line(const std::string& text) {
    // Spaces at the end would wrap on a terminal that is just as wide.
    const std::size_t end = text.find_last_not_of(' ');
    text_.append(text, 0, end == text.npos ? 0 : end + 1);
    text_ += '\n';
  }
  void rule(int columns) {
    std::string text;
    for (int i = 0; i < std::min(columns, width_); ++i) text += rule_;
    line(text);
  }
  void heading(const std::string& title) {
    if (title.empty()) return;
    wrapped(title, 0);
    rule(display_width(one_line(title)));
  }
  // By words; a word that is wider than the line is cut.
  void wrapped(const std::string& source, int indent) {
    const std::string clean = one_line(source);
    const std::string margin(index(indent), ' ');
    const int room = width_ - indent;
    std::string current;
    int columns = 0;
    const auto flush = [&] {
      line(margin + current);
      current.clear();
      columns = 0;
    };
    for (std::size_t at = 0; at < clean.size();) {
      const std::size_t end = std::min(clean.find(' ', at), clean.size());
      std::string_view word = std::string_view(clean).substr(at, end - at);
      at = end + 1;
      if (columns > 0 && columns + 1 + display_width(word) > room) flush();
      if (columns > 0) {
        current += ' ';
        ++columns;
      }
      while (!word.empty()) {
        const std::size_t length = character_at(word).length;
        const int more = display_width(word.substr(0, length));
        if (columns + more > room) flush();
        current += word.substr(0, length);
        columns += more;
        word.remove_prefix(length);
      }
    }
    if (columns > 0 || clean.empty()) flush();
  }

  void operator()(const Paragraph& paragraph) { wrapped(paragraph.text, 0); }
  void operator()(const Table& table);
  void operator()(const LinePlot& plot);
  void operator()(const BarPlot& plot);
  void operator()(const ConfusionPlot& plot);
  void operator()(const PictureSheet& sheet) {
    wrapped(sheet.title + ": " + std::to_string(sheet.pictures.size()) +
                (sheet.pictures.size() == 1 ? " picture" : " pictures") + " on the HTML page",
            0);
  }

 private:
  // Each row as lines "column: value": for what no cut into columns makes narrow enough.
  void records(const Table& table);

  int width_;
  const char* rule_;
  std::string text_;
};

void TextWriter::records(const Table& table) {
  for (const std::vector<Cell>& row : table.rows) {
    wrapped(cell_text(row[0], table.columns[0].style), 0);
    for (std::size_t c = 1; c < row.size(); ++c)
      wrapped(table.columns[c].title + ": " + cell_text(row[c], table.columns[c].style), 2);
  }
}

void TextWriter::operator()(const Table& table) {
  if (!table.title.empty()) wrapped(table.title, 0);
  const int columns = static_cast<int>(table.columns.size());
  std::vector<std::vector<std::string>> cells;  // the heading first
  cells.emplace_back();
  for (const Column& column : table.columns) cells[0].push_back(one_line(column.title));
  for (const std::vector<Cell>& row : table.rows) {
    cells.emplace_back();
    for (std::size_t c = 0; c < row.size(); ++c)
      cells.back().push_back(one_line(cell_text(row[c], table.columns[c].style)));
  }
  std::vector<int> widths(index(columns));
  for (const auto& row : cells)
    for (std::size_t c = 0; c < row.size(); ++c)
      widths[c] = std::max(widths[c], display_width(row[c]));

  // The first column gives way before columns are moved below.
  int rest = 0, widest = 0;
  for (int c = 1; c < columns; ++c) {
    rest += kGap + widths[index(c)];
    widest = std::max(widest, kGap + widths[index(c)]);
  }
  const int least = table.is_number(0) ? widths[0] : std::min(widths[0], kLeastFirst);
  if (least + widest > width_) {
    records(table);
  } else {
    const int room = width_ - (least + rest <= width_ ? rest : widest);
    widths[0] = std::clamp(room, least, widths[0]);
    for (int first = 1; first == 1 || first < columns;) {
      int end = first, total = widths[0];
      while (end < columns && total + kGap + widths[index(end)] <= width_)
        total += kGap + widths[index(end++)];
      if (first > 1) line("");
      for (std::size_t r = 0; r < cells.size(); ++r) {
        std::string text = table.is_number(0) ? fill_before(cells[r][0], widths[0])
                                              : fit_start(cells[r][0], widths[0]);
        for (int c = first; c < end; ++c) {
          text += std::string(kGap, ' ');
          text += table.is_number(index(c)) ? fill_before(cells[r][index(c)], widths[index(c)])
                                            : fit_start(cells[r][index(c)], widths[index(c)]);
        }
        line(text);
        if (r == 0) rule(total);
      }
      if (end == columns) break;
      first = end;
    }
  }
  for (const std::string& note : table.notes) wrapped(note, 2);
}

Table heading_of(const LinePlot& plot) {
  return {plot.title, {}, {}, plot.notes};
}

// A row for each x; false where there are too many, or one x comes twice in a series.
bool by_points(const LinePlot& plot, Table& table) {
  std::map<double, std::vector<Cell>> rows;
  table.columns.push_back({plot.x.title, plot.x.style, ""});
  for (std::size_t s = 0; s < plot.series.size(); ++s) {
    table.columns.push_back({plot.series[s].name, plot.y.style, ""});
    std::set<double> seen;
    for (const Point& point : plot.series[s].points) {
      if (!seen.insert(point.x).second) return false;
      std::vector<Cell>& row = rows[point.x];
      row.resize(plot.series.size() + 1);
      row[0] = point.x;
      row[s + 1] = point.interval ? Cell(Estimate{point.y, point.interval, 0}) : Cell(point.y);
    }
    if (rows.size() > kMostRows) return false;
  }
  for (auto& [x, row] : rows) table.rows.push_back(std::move(row));
  return true;
}

Table by_extremes(const LinePlot& plot) {
  Table table = heading_of(plot);
  table.columns = {{plot.y.title, {}, ""},       {"points", {}, ""},
                   {"first", plot.y.style, ""},  {"last", plot.y.style, ""},
                   {"lowest", plot.y.style, ""}, {"at " + plot.x.title, plot.x.style, ""},
                   {"highest", plot.y.style, ""}};
  for (const Series& line : plot.series) {
    std::vector<Cell> row = {line.name, static_cast<std::int64_t>(line.points.size())};
    const Point *lowest = nullptr, *highest = nullptr;
    for (const Point& point : line.points) {
      if (!std::isfinite(point.y)) continue;
      if (!lowest || point.y < lowest->y) lowest = &point;
      if (!highest || point.y > highest->y) highest = &point;
    }
    if (lowest)
      for (const double value :
           {line.points.front().y, line.points.back().y, lowest->y, lowest->x, highest->y})
        row.emplace_back(value);
    row.resize(table.columns.size());
    table.rows.push_back(std::move(row));
  }
  return table;
}

void TextWriter::operator()(const LinePlot& plot) {
  Table table = heading_of(plot);
  if (!table.title.empty() && !plot.y.title.empty()) table.title += ": " + plot.y.title;
  if (by_points(plot, table))
    (*this)(table);
  else
    (*this)(by_extremes(plot));
}

void TextWriter::operator()(const BarPlot& plot) {
  Table table{plot.title, {{"", {}, ""}}, {}, plot.notes};
  if (!table.title.empty() && !plot.y.title.empty()) table.title += ": " + plot.y.title;
  for (const BarPlot::Bars& bars : plot.series)
    table.columns.push_back({bars.name, plot.y.style, ""});
  for (std::size_t c = 0; c < plot.categories.size(); ++c) {
    std::vector<Cell> row = {plot.categories[c]};
    for (const BarPlot::Bars& bars : plot.series) row.emplace_back(bars.values[c]);
    table.rows.push_back(std::move(row));
  }
  (*this)(table);
}

void TextWriter::operator()(const ConfusionPlot& plot) {
  Table table{plot.title, {{"true \\ taken for", {}, ""}}, {}, plot.notes};
  for (const std::string& label : plot.labels) table.columns.push_back({label, {}, ""});
  table.columns.push_back({"recall", kPercentStyle, ""});
  for (std::size_t truth = 0; truth < plot.labels.size(); ++truth) {
    std::vector<Cell> row = {plot.labels[truth]};
    for (std::size_t predicted = 0; predicted < plot.labels.size(); ++predicted)
      row.emplace_back(plot.at(truth, predicted));
    const std::int64_t all = plot.samples(truth);
    if (all > 0)
      row.emplace_back(static_cast<double>(plot.at(truth, truth)) / static_cast<double>(all));
    else
      row.emplace_back(std::monostate());
    table.rows.push_back(std::move(row));
  }
  (*this)(table);
}

}  // namespace

std::string report_text(const Report& report, const TextOptions& options) {
  report.check();
  TextWriter writer(options);
  writer.heading(report.title);
  for (const auto& [name, value] : report.facts) writer.wrapped(name + ": " + value, 0);
  for (const Section& section : report.sections) {
    writer.line("");
    writer.heading(section.title);
    for (std::size_t i = 0; i < section.elements.size(); ++i) {
      if (i > 0) writer.line("");
      std::visit(writer, section.elements[i]);
    }
  }
  return writer.take();
}

}  // namespace ofer
