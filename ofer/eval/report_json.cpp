#include <cmath>

#include "ofer/eval/report.h"

namespace ofer {

namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json of_estimate(const Estimate& estimate) {
  Json json = {{"value", estimate.value ? number(*estimate.value) : Json(nullptr)},
               {"low", estimate.interval ? number(estimate.interval->low) : Json(nullptr)},
               {"high", estimate.interval ? number(estimate.interval->high) : Json(nullptr)}};
  if (estimate.undefined > 0) json["undefined_resamples"] = estimate.undefined;
  return json;
}

Json of_cell(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* count = std::get_if<std::int64_t>(&cell)) return *count;
  if (const auto* value = std::get_if<double>(&cell)) return number(*value);
  if (const auto* value = std::get_if<Estimate>(&cell)) return of_estimate(*value);
  return nullptr;
}

void add_notes(Json& json, const std::vector<std::string>& notes) {
  if (!notes.empty()) json["notes"] = notes;
}

struct ElementJson {
  Json operator()(const Paragraph& paragraph) const {
    return {{"kind", "paragraph"}, {"text", paragraph.text}};
  }

  Json operator()(const Table& table) const {
    Json rows = Json::array();
    for (const std::vector<Cell>& cells : table.rows) {
      Json row = Json::object();
      for (std::size_t c = 0; c < cells.size(); ++c)
        row[table.columns[c].name()] = of_cell(cells[c]);
      rows.push_back(std::move(row));
    }
    Json json = {{"kind", "table"}, {"title", table.title}, {"rows", std::move(rows)}};
    add_notes(json, table.notes);
    return json;
  }

  Json operator()(const LinePlot& plot) const {
    Json series = Json::array();
    for (const Series& line : plot.series) {
      Json points = Json::array();
      for (const Point& point : line.points) {
        Json json = {{"x", point.x}, {"y", number(point.y)}};
        if (point.interval) {
          json["low"] = point.interval->low;
          json["high"] = point.interval->high;
        }
        points.push_back(std::move(json));
      }
      series.push_back({{"name", line.name}, {"points", std::move(points)}});
    }
    Json json = {{"kind", "line_plot"},
                 {"title", plot.title},
                 {"x", plot.x.title},
                 {"y", plot.y.title},
                 {"series", std::move(series)}};
    add_notes(json, plot.notes);
    return json;
  }

  Json operator()(const BarPlot& plot) const {
    Json series = Json::array();
    for (const BarPlot::Bars& bars : plot.series) {
      Json values = Json::object();
      for (std::size_t c = 0; c < plot.categories.size(); ++c)
        values[plot.categories[c]] = of_estimate(bars.values[c]);
      series.push_back({{"name", bars.name}, {"values", std::move(values)}});
    }
    Json json = {{"kind", "bar_plot"},
                 {"title", plot.title},
                 {"y", plot.y.title},
                 {"series", std::move(series)}};
    add_notes(json, plot.notes);
    return json;
  }

  Json operator()(const ConfusionPlot& plot) const {
    Json rows = Json::array();
    for (std::size_t truth = 0; truth < plot.labels.size(); ++truth) {
      Json row = Json::array();
      for (std::size_t predicted = 0; predicted < plot.labels.size(); ++predicted)
        row.push_back(plot.at(truth, predicted));
      rows.push_back(std::move(row));
    }
    Json json = {{"kind", "confusion"},
                 {"title", plot.title},
                 {"labels", plot.labels},
                 {"counts", std::move(rows)}};
    add_notes(json, plot.notes);
    return json;
  }

  Json operator()(const PictureSheet& sheet) const {
    Json pictures = Json::array();
    for (const PictureSheet::Picture& picture : sheet.pictures)
      pictures.push_back({{"caption", picture.caption},
                          {"width", picture.image.width},
                          {"height", picture.image.height}});
    return {{"kind", "pictures"}, {"title", sheet.title}, {"pictures", std::move(pictures)}};
  }
};

}  // namespace

Json report_json(const Report& report) {
  report.check();
  Json facts = Json::object();
  for (const auto& [name, value] : report.facts) facts[name] = value;
  Json sections = Json::array();
  for (const Section& section : report.sections) {
    Json elements = Json::array();
    for (const Element& element : section.elements)
      elements.push_back(std::visit(ElementJson(), element));
    sections.push_back({{"title", section.title}, {"elements", std::move(elements)}});
  }
  return {{"title", report.title}, {"facts", std::move(facts)}, {"sections", std::move(sections)}};
}

}  // namespace ofer
