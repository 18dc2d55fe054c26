// A report: titled sections of tables, plots and pictures, shown as text for a terminal, as JSON,
// or as one HTML page. `ofer eval` fills one with its figures, `ofer train` with its curves.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/image.h"
#include "ofer/eval/plot.h"
#include "ofer/eval/table.h"

namespace ofer {

struct Paragraph {
  std::string text;
};

struct PictureSheet {
  struct Picture {
    Image image;
    std::string caption;
  };
  std::string title;
  std::vector<Picture> pictures;
};

using Element = std::variant<Paragraph, Table, LinePlot, BarPlot, ConfusionPlot, PictureSheet>;

struct Section {
  std::string title;
  std::vector<Element> elements;
};

struct Report {
  std::string title;
  std::vector<std::pair<std::string, std::string>> facts;  // name and value: seed, data, settings
  std::vector<Section> sections;

  // Every element's own check(), and no fact's name twice. The three functions below begin with it.
  void check() const;
};

struct TextOptions {
  int width = 80;       // columns; at least 20 are used
  bool unicode = true;  // bars and rules of the terminal's block characters, else ASCII
};

// Lines of at most `width` columns, each ended by a newline. A table that is too wide is cut into
// several below each other, which repeat the first column; plots become tables; pictures are
// counted. Control characters in texts are shown as \xNN.
std::string report_text(const Report& report, const TextOptions& options);

// {"title", "facts": {name: value}, "sections": [{"title", "elements": [{"kind": "table", ...}]}]}.
// An estimate is {"value", "low", "high"}, with "undefined_resamples" where there are any. What is
// not known or not finite is null. Pictures are named by their captions and sizes.
nlohmann::ordered_json report_json(const Report& report);

// One page that needs nothing beside it: style, drawings (SVG) and pictures (PNG as data: URIs) are
// inside, there is no script, and the page forbids itself to load any. Also well-formed XML. Every
// text is escaped; bytes that are not UTF-8 and characters that XML cannot hold become U+FFFD.
// The same report gives the same bytes.
std::string report_html(const Report& report);

}  // namespace ofer
