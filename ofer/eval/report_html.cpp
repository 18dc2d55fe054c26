#include "ofer/eval/html_text.h"
#include "ofer/eval/report.h"
#include "ofer/eval/svg_plot.h"

namespace ofer {

namespace {

// Pages made of nothing from outside: what a text smuggled in could load is forbidden as well.
constexpr const char* kHead =
    R"(<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<style>
body { font: 15px/1.45 sans-serif; color: #222; background: #fff; max-width: 60em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.6em; } h2 { font-size: 1.25em; margin-top: 2em; border-bottom: 1px solid #bbb; }
figure { margin: 1.2em 0; break-inside: avoid; } figcaption { font-weight: bold; margin-bottom: .4em; }
table { border-collapse: collapse; margin: 1.2em 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: bold; margin-bottom: .4em; }
th, td { padding: .2em .8em .2em 0; text-align: left; vertical-align: top; }
thead th { border-bottom: 1px solid #222; } tr { break-inside: avoid; }
.number { text-align: right; white-space: nowrap; } .interval { color: #666; font-size: .88em; }
.note { color: #555; font-size: .9em; margin: .3em 0; } .wide { overflow-x: auto; }
.facts th { font-weight: normal; color: #555; }
svg { max-width: 100%; height: auto; }
.pictures { display: flex; flex-wrap: wrap; gap: 1em; } .pictures figure { margin: 0; max-width: 100%; }
.pictures img { max-width: 100%; image-rendering: auto; } .pictures figcaption { font-weight: normal; font-size: .88em; }
@media print {
body { max-width: none; margin: 0; } h2, h3 { break-after: avoid; }
.wide { overflow: visible; } table { font-size: .85em; } .number { white-space: normal; } .interval { white-space: nowrap; }
.pictures { display: block; } .pictures figure { display: inline-block; margin: 0 1em 1em 0; }
}
</style>
)";

std::string element(const char* tag, const std::string& text) {
  return std::string("<") + tag + '>' + html_text(text) + "</" + tag + ">\n";
}

std::string notes_of(const std::vector<std::string>& notes) {
  std::string html;
  for (const std::string& note : notes) html += "<p class=\"note\">" + html_text(note) + "</p>\n";
  return html;
}

std::string cell_html(const Cell& cell, NumberStyle style) {
  const std::string text = cell_text(cell, style);
  const auto* estimate = std::get_if<Estimate>(&cell);
  if (!estimate || !estimate->interval) return html_text(text);
  const std::size_t bracket = text.rfind('[');
  return html_text(text.substr(0, bracket)) + "<span class=\"interval\">" +
         html_text(text.substr(bracket)) + "</span>";
}

template <class Plot>
std::string figure(const Plot& plot) {
  return "<figure>\n" + (plot.title.empty() ? "" : element("figcaption", plot.title)) +
         svg_of(plot) + notes_of(plot.notes) + "</figure>\n";
}

struct ElementHtml {
  std::string operator()(const Paragraph& paragraph) const { return element("p", paragraph.text); }

  std::string operator()(const Table& table) const {
    const auto open = [&](const char* tag, const char* scope, std::size_t column) {
      return std::string("<") + tag + (*scope ? std::string(" scope=\"") + scope + '"' : "") +
             (table.is_number(column) ? " class=\"number\">" : ">");
    };
    std::string html = "<div class=\"wide\">\n<table>\n";
    if (!table.title.empty()) html += element("caption", table.title);
    html += "<thead><tr>";
    for (std::size_t c = 0; c < table.columns.size(); ++c)
      html += open("th", "col", c) + html_text(table.columns[c].title) + "</th>";
    html += "</tr></thead>\n<tbody>\n";
    for (const std::vector<Cell>& row : table.rows) {
      html += "<tr>";
      for (std::size_t c = 0; c < row.size(); ++c)
        html += open("td", "", c) + cell_html(row[c], table.columns[c].style) + "</td>";
      html += "</tr>\n";
    }
    return html + "</tbody>\n</table>\n</div>\n" + notes_of(table.notes);
  }

  std::string operator()(const LinePlot& plot) const { return figure(plot); }
  std::string operator()(const BarPlot& plot) const { return figure(plot); }
  std::string operator()(const ConfusionPlot& plot) const { return figure(plot); }

  std::string operator()(const PictureSheet& sheet) const {
    std::string html = sheet.title.empty() ? "" : element("h3", sheet.title);
    html += "<div class=\"pictures\">\n";
    for (const PictureSheet::Picture& picture : sheet.pictures)
      html += "<figure><img src=\"" + png_data_uri(picture.image) + "\" width=\"" +
              std::to_string(picture.image.width) + "\" height=\"" +
              std::to_string(picture.image.height) + "\" alt=\"" + html_text(picture.caption) +
              "\"/>\n" + element("figcaption", picture.caption) + "</figure>\n";
    return html + "</div>\n";
  }
};

}  // namespace

std::string report_html(const Report& report) {
  report.check();
  std::string html = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n";
  html += kHead + element("title", report.title) + "</head>\n<body>\n";
  html += element("h1", report.title);
  if (!report.facts.empty()) {
    html += "<table class=\"facts\">\n<tbody>\n";
    for (const auto& [name, value] : report.facts)
      html += "<tr><th scope=\"row\">" + html_text(name) + "</th><td>" + html_text(value) +
              "</td></tr>\n";
    html += "</tbody>\n</table>\n";
  }
  for (const Section& section : report.sections) {
    html += "<section>\n" + element("h2", section.title);
    for (const Element& part : section.elements) html += std::visit(ElementHtml(), part);
    html += "</section>\n";
  }
  return html + "</body>\n</html>\n";
}

}  // namespace ofer
