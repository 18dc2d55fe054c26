// Reports as text, JSON and HTML: nothing is lost, nothing breaks out, everything fits.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "engine/image_io.h"
#include "engine/terminal_text.h"
#include "ofer/eval/axis_scale.h"
#include "ofer/eval/html_text.h"
#include "ofer/eval/report.h"
#include "ofer/eval/svg_plot.h"
#include "tests/support/error_of.h"
#include "tests/support/random.h"
#include "tests/support/temporary_folder.h"

namespace ofer::test {
namespace {

using Json = nlohmann::ordered_json;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// What tries to get out of a text: markup, quotes, entities, control characters, bytes that are no
// UTF-8, characters that XML forbids.
const std::string kHostile =
    "<script>alert('x')</script> \"&amp; ]]> --> \x01\x1b[31m \xff\xfe \xef\xbf\xbf é";

Table example_table() {
  return {"Detection",
          {{"occluder", {}, "kind"},
           {"patches", {}, ""},
           {"AUROC", {NumberStyle::Kind::kPlain, 3}, ""},
           {"recall", kPercentStyle, ""}},
          {{"hands, blurred", std::int64_t{12345}, Estimate{0.9416, Interval{0.9301, 0.9523}, 0},
            Estimate{0.5, Interval{0.25, 0.75}, 12}},
           {"scarves", std::int64_t{7}, Estimate{}, 0.25},
           {"all", std::monostate(), Estimate{0.5, std::nullopt, 0}, kNan}},
          {"Patches between 5 and 50 % covered are left out."}};
}

LinePlot example_lines() {
  return {"Accuracy by covered share",
          {"covered share", kPercentStyle, std::nullopt, false},
          {"accuracy", kPercentStyle, std::nullopt, false},
          {{"random", {{0.1, 0.8, Interval{0.75, 0.85}}, {0.2, 0.7, Interval{0.6, 0.8}}}},
           {"grad", {{0.1, 0.6, std::nullopt}, {0.3, 0.4, std::nullopt}}}},
          {}};
}

BarPlot example_bars() {
  return {"Gain",
          {"masks", "hands"},
          {"points", {NumberStyle::Kind::kPlain, 1}, std::nullopt, false},
          {{"chosen latents", {{4.5, Interval{1, 8}, 0}, {-2, Interval{-5, 1}, 0}}},
           {"all latents", {{3, std::nullopt, 0}, {}}}},
          {}};
}

ConfusionPlot example_confusion() {
  return {"Confusion", {"surprise", "fear", "disgust"}, {30, 2, 1, 4, 16, 0, 0, 0, 0}, {}};
}

Report example_report() {
  Image image(3, 2, {200, 30, 40});
  image.pixels[5] = 9;
  return {"Evaluation",
          {{"seed", "1"}, {"data", "faces"}},
          {{"Figures", {Paragraph{"One paragraph."}, example_table()}},
           {"Plots", {example_lines(), example_bars(), example_confusion()}},
           {"Pictures", {PictureSheet{"Worst", {{image, "truth: fear"}}}}}}};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// The page as tests/support/read_page.py understands it; that it fails is this test's failure.
Json read_page(const std::string& html) {
  const TemporaryFolder folder;
  put(folder / "page.html", html);
  const std::string command = "env -u LD_PRELOAD PYTHONDONTWRITEBYTECODE=1 '" OFER_PYTHON
                              "' '" OFER_SOURCE_DIR "/tests/support/read_page.py' '" +
                              (folder / "page.html").string() + "' > '" +
                              (folder / "page.json").string() + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  return Json::parse(content_of(folder / "page.json"));
}

bool contains(const Json& list, const std::string& text) {
  for (const Json& item : list)
    if (item.get<std::string>() == text) return true;
  return false;
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST_SUITE("report") {
  TEST_CASE("numbers are written as their style says") {
    CHECK(number_text(0.9534, kPercentStyle) == "95.3 %");
    CHECK(number_text(1.005, {NumberStyle::Kind::kPlain, 1}) == "1.0");
    CHECK(number_text(-0.001, {NumberStyle::Kind::kPlain, 2}) == "0.00");
    CHECK(number_text(-0.01, {NumberStyle::Kind::kPlain, 2}) == "-0.01");
    CHECK(number_text(0.0001, kGeneralStyle) == "0.0001");
    CHECK(number_text(1e-7, kGeneralStyle) == "1e-07");
    CHECK(number_text(kNan, kPercentStyle) == "nan");
    CHECK(number_text(-HUGE_VAL, kPercentStyle) == "-inf");
    CHECK(number_text(1e308, {NumberStyle::Kind::kPlain, 17}).size() == 309 + 18);
    CHECK(estimate_text({0.5, Interval{0.25, 0.751}, 3}, kPercentStyle) == "50.0 % [25.0, 75.1]");
    CHECK(estimate_text({0.5, std::nullopt, 0}, kPercentStyle) == "50.0 %");
    CHECK(estimate_text({}, kPercentStyle) == "-");
    CHECK(cell_text(std::monostate(), {}) == "-");
    CHECK(cell_text(std::int64_t{-3}, kPercentStyle) == "-3");
  }

  TEST_CASE("text is shortened at its end, by columns") {
    CHECK(fit_start("cut-outs, blurred", 20) == "cut-outs, blurred   ");
    CHECK(fit_start("cut-outs, blurred", 17) == "cut-outs, blurred");
    CHECK(fit_start("cut-outs, blurred", 11) == "cut-outs...");
    CHECK(fit_start("漢字漢字", 6) == "漢... ");  // a character is not cut in half
    CHECK(fit_start("word", 2) == "..");
    CHECK(fit_start("word", 0).empty());
    CHECK(fill_before("7", 3) == "  7");
    CHECK(fill_before("漢", 3) == " 漢");
    CHECK(fill_before("1234", 3) == "1234");
  }

  TEST_CASE("a table as text") {
    const Report report{"T", {}, {{"S", {example_table()}}}};
    CHECK(report_text(report, {80, false}) ==
          "T\n"
          "-\n"
          "\n"
          "S\n"
          "-\n"
          "Detection\n"
          "occluder        patches                 AUROC               recall\n"
          "------------------------------------------------------------------\n"
          "hands, blurred    12345  0.942 [0.930, 0.952]  50.0 % [25.0, 75.0]\n"
          "scarves               7                     -               25.0 %\n"
          "all                   -                 0.500                  nan\n"
          "  Patches between 5 and 50 % covered are left out.\n");
  }

  TEST_CASE("text fits its width and keeps every figure") {
    Report report = example_report();
    report.sections[0].elements.push_back(
        Paragraph{kHostile + std::string(150, 'w') + " 漢字漢字漢字漢字漢字漢字 end"});
    report.facts.emplace_back(kHostile, kHostile);
    Table wide{"", {}, {{}}, {}};
    for (int c = 0; c < 30; ++c) {
      wide.columns.push_back({"column " + std::to_string(c), {}, ""});
      wide.rows[0].push_back(c == 0 ? Cell(kHostile) : Cell(std::int64_t{1000 + c}));
    }
    report.sections[1].elements.push_back(wide);
    for (int width = 20; width <= 160; width += 7) {
      CAPTURE(width);
      const std::string text = report_text(report, {width, true});
      for (const std::string& line : lines_of(text)) {
        CAPTURE(line);
        CHECK(display_width(line) <= width);
        CHECK(one_line(line) == line);
        CHECK((line.empty() || line.back() != ' '));
      }
      for (const char* figure :
           {"12345", "0.942", "0.930,", "0.952]", "25.0", "80.0 %", "4.5", "-2.0", "1029", "1001"})
        CHECK_MESSAGE(has(text, figure), figure);
    }
    CHECK(lines_of(report_text(report, {-5, true})) == lines_of(report_text(report, {20, true})));
  }

  TEST_CASE("plots as text are tables; a long line is told by its ends and extremes") {
    Report report{"", {}, {{"", {example_lines()}}}};
    const std::string text = report_text(report, {80, false});
    CHECK(has(text, "covered share               random    grad"));
    CHECK(has(text, "       10.0 %  80.0 % [75.0, 85.0]  60.0 %"));
    CHECK(has(text, "       30.0 %                    -  40.0 %"));

    LinePlot loss{"Loss",
                  {"step", {NumberStyle::Kind::kPlain, 0}, std::nullopt, false},
                  {},
                  {{"mae", {}}, {"empty", {}}},
                  {}};
    loss.y.title = "loss";
    for (int i = 0; i < 500; ++i)
      loss.series[0].points.push_back({double(i),
                                       i == 77   ? 0.125
                                       : i == 90 ? kNan
                                                 : 1000.0 - i,
                                       std::nullopt});
    const std::string told = report_text({"", {}, {{"", {loss}}}}, {80, false});
    CHECK(has(told, "mae       500   1000   501   0.125       77     1000"));
    CHECK(has(told, "empty       0      -     -       -        -        -"));

    const std::string confusion = report_text({"", {}, {{"", {example_confusion()}}}}, {80, false});
    CAPTURE(confusion);
    CHECK(has(confusion, "fear                     4    16        0  80.0 %"));
    CHECK(has(confusion, "disgust                  0     0        0       -"));
  }

  TEST_CASE("JSON holds the figures themselves") {
    const Json made = report_json(example_report());
    CHECK(made["sections"][0]["elements"][1]["rows"][2]["recall"].is_null());  // not a NaN
    const Json json = Json::parse(made.dump());
    CHECK(json["title"] == "Evaluation");
    CHECK(json["facts"]["seed"] == "1");
    const Json& table = json["sections"][0]["elements"][1];
    CHECK(table["kind"] == "table");
    CHECK(table["rows"][0] == Json::parse(R"({"kind": "hands, blurred", "patches": 12345,
                          "AUROC": {"value": 0.9416, "low": 0.9301, "high": 0.9523},
                          "recall": {"value": 0.5, "low": 0.25, "high": 0.75, "undefined_resamples": 12}})"));
    CHECK(table["rows"][1]["AUROC"] ==
          Json::parse(R"({"value": null, "low": null, "high": null})"));
    CHECK(table["rows"][2]["patches"].is_null());
    CHECK(table["rows"][2]["recall"].is_null());
    CHECK(table["notes"].size() == 1);
    const Json& plots = json["sections"][1]["elements"];
    CHECK(plots[0]["series"][0]["points"][1] ==
          Json::parse(R"({"x": 0.2, "y": 0.7, "low": 0.6, "high": 0.8})"));
    CHECK(plots[1]["series"][1]["values"]["hands"]["value"].is_null());
    CHECK(plots[1]["series"][0]["values"]["hands"]["value"] == -2);
    CHECK(plots[2]["counts"] == Json::parse("[[30, 2, 1], [4, 16, 0], [0, 0, 0]]"));
    CHECK(json["sections"][2]["elements"][0]["pictures"][0] ==
          Json::parse(R"({"caption": "truth: fear", "width": 3, "height": 2})"));
  }

  TEST_CASE("the page is well-formed, holds every text and no script, and is the same every time") {
    const Report report = example_report();
    const std::string html = report_html(report);
    CHECK(report_html(report) == html);
    const Json page = read_page(html);
    CHECK(page["tags"]["table"] == 2);
    CHECK(page["tags"]["section"] == 3);
    CHECK(page["tags"]["svg"] == 4);  // three drawings, one of them with an inner one
    CHECK(page["tags"]["img"] == 1);
    for (const char* text :
         {"Evaluation", "seed", "faces", "One paragraph.", "hands, blurred", "12345",
          "[0.930, 0.952]", "Patches between 5 and 50 % covered are left out.", "random",
          "chosen latents", "4.5 [1.0, 8.0]", "-2.0 [-5.0, 1.0]", "80 %", "no samples", "20 in all",
          "truth: fear"})
      CHECK_MESSAGE(contains(page["texts"], text), text);

    const std::set<std::string> known = {
        "html", "head", "meta",  "title",   "style",  "body",       "h1",  "h2",
        "h3",   "p",    "table", "caption", "thead",  "tbody",      "tr",  "th",
        "td",   "div",  "span",  "section", "figure", "figcaption", "img", "svg",
        "g",    "text", "line",  "rect",    "path",   "circle"};
    for (const auto& [tag, count] : page["tags"].items()) CHECK_MESSAGE(known.count(tag) == 1, tag);
    for (const Json& name : page["attributes"]) {
      const std::string attribute = name;
      CHECK_MESSAGE(attribute.rfind("on", 0) != 0, attribute);
      CHECK_MESSAGE(attribute != "href", attribute);
    }
    CHECK(times(html, "http") == 1 + 3);  // http-equiv and the name of SVG
  }

  TEST_CASE("hostile texts stay texts, wherever they stand") {
    Report report = example_report();
    report.title = kHostile;
    report.facts.emplace_back(kHostile, kHostile);
    Table table = example_table();
    table.title = table.columns[0].title = kHostile;
    table.rows[0][0] = kHostile;
    table.notes = {kHostile};
    LinePlot lines = example_lines();
    lines.title = lines.x.title = lines.y.title = lines.series[0].name = kHostile;
    BarPlot bars = example_bars();
    bars.title = bars.y.title = bars.series[0].name = bars.categories[0] = kHostile;
    ConfusionPlot confusion = example_confusion();
    confusion.title = confusion.labels[0] = kHostile;
    report.sections.push_back({kHostile,
                               {Paragraph{kHostile}, table, lines, bars, confusion,
                                PictureSheet{kHostile, {{Image(1, 1), kHostile}}}}});
    const std::string html = report_html(report);
    const Json page = read_page(html);
    CHECK_FALSE(page["tags"].contains("script"));
    const std::string shown =
        "<script>alert('x')</script> \"&amp; ]]> --> \uFFFD\uFFFD[31m \uFFFD\uFFFD \uFFFD é";
    CHECK(page["tags"]["h2"] == 4);
    CHECK(contains(page["texts"], shown));
    CHECK(page["images"][1][1] == shown);
    std::size_t whole = 0;
    for (const Json& text : page["texts"]) whole += text == shown;
    // title, h1, fact (2), h2, p; table: caption, heading, cell, note; lines: title, axes (2),
    // legend; bars: title, axis, legend; confusion: title; pictures: title, caption. The categories
    // and labels are too long and shortened.
    CHECK(whole == 20);
    CHECK(times(html, "<script") == 0);
    // JSON replaces what is not UTF-8 where it is printed; the text escapes it.
    CHECK_FALSE(report_json(report).dump(-1, ' ', false, Json::error_handler_t::replace).empty());
    CHECK(has(report_text(report, {200, true}), "\\x1B[31m \\xFF\\xFE"));
  }

  TEST_CASE("pictures are in the page as they are") {
    const Report report = example_report();
    const auto& picture = std::get<PictureSheet>(report.sections[2].elements[0]).pictures[0].image;
    const std::string uri = read_page(report_html(report))["images"][0][0];
    CHECK(uri == png_data_uri(picture));
    // Back again, by another way than it went.
    const std::string prefix = "data:image/png;base64,";
    REQUIRE(uri.rfind(prefix, 0) == 0);
    const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::vector<std::uint8_t> bytes;
    unsigned bits = 0, held = 0;
    for (const char c : uri.substr(prefix.size())) {
      if (c == '=') break;
      bits = bits << 6 | static_cast<unsigned>(digits.find(c));
      held += 6;
      if (held >= 8) {
        held -= 8;
        bytes.push_back(static_cast<std::uint8_t>(bits >> held));
      }
    }
    CHECK(decode_image(bytes, "page") == picture);
    // Every length has its padding.
    for (int width = 1; width <= 6; ++width)
      CHECK((png_data_uri(Image(width, 1)).size() - prefix.size()) % 4 == 0);
  }

  TEST_CASE("lines are drawn where their axes say") {
    LinePlot plot{"",
                  {"x", {}, Interval{0, 10}, false},
                  {"y", {}, Interval{0, 2}, false},
                  {{"a",
                    {{0, 0, std::nullopt},
                     {5, 1, std::nullopt},
                     {6, kNan, std::nullopt},
                     {7, 1, std::nullopt},
                     {10, 2, std::nullopt}}}},
                  {}};
    const Json page = read_page("<html><body>" + svg_of(plot) + "</body></html>");
    REQUIRE(page["paths"].size() == 1);
    // 620 x 270 pixels, y downwards; a gap where y is not a number.
    CHECK(page["paths"][0] == "M0 270 L310 135 M434 135 L620 0");
    CHECK(page["tags"]["circle"] == 4);

    // On a logarithmic axis what is not above 0 is a gap.
    plot.y = {"y", {}, Interval{0.01, 100}, true};
    const Json logarithmic = read_page("<html><body>" + svg_of(plot) + "</body></html>");
    CHECK(logarithmic["paths"][0] == "M310 135 M434 135 L620 114.7");
    // An interval makes a mark of three lines around a point.
    const std::size_t before = times(svg_of(plot), "<line");
    plot.series[0].points[1].interval = Interval{0.5, 2};
    CHECK(times(svg_of(plot), "<line") == before + 3);
  }

  TEST_CASE("many points with intervals become a line with a band") {
    LinePlot plot{"", {}, {}, {{"a", {}}}, {}};
    for (int i = 0; i < 5000; ++i)
      plot.series[0].points.push_back({double(i), std::sin(i * 0.01),
                                       Interval{std::sin(i * 0.01) - 1, std::sin(i * 0.01) + 1}});
    const std::string svg = svg_of(plot);
    const Json page = read_page("<html><body>" + svg + "</body></html>");
    REQUIRE(page["paths"].size() == 2);
    CHECK(page["paths"][0].get<std::string>().back() == 'Z');
    CHECK_FALSE(page["tags"].contains("circle"));
    CHECK(svg.size() < 100'000);
  }

  TEST_CASE("plots of nothing and of odd numbers are still pages") {
    const double huge = std::numeric_limits<double>::max(),
                 tiny = std::numeric_limits<double>::denorm_min();
    for (const bool logarithmic : {false, true})
      for (const std::vector<double>& values : {std::vector<double>{},
                                                {kNan},
                                                {0},
                                                {5},
                                                {huge, -huge},
                                                {tiny, 2 * tiny},
                                                {1e299, -1e299},
                                                {1e9, 1e9 + 1e-6},
                                                {-3, -3},
                                                {1e-300, 1e300}}) {
        LinePlot plot{"", {}, {"y", kPercentStyle, std::nullopt, logarithmic}, {{"a", {}}}, {}};
        for (const double v : values)
          plot.series[0].points.push_back(
              {static_cast<double>(plot.series[0].points.size()), v, std::nullopt});
        const std::string svg = svg_of(plot);
        CAPTURE(svg);
        CHECK_FALSE(has(svg, "nan"));
        CHECK_FALSE(has(svg, "inf"));
        CHECK_FALSE(has(svg, "\"-0\""));
        CHECK(times(svg, "<text") >= 2);
      }
    BarPlot bars;
    bars.categories = {"a"};
    bars.series = {{"s", {{}}}};
    CHECK_FALSE(has(svg_of(bars), "nan"));
    bars.series[0].values[0].value = 0;
    CHECK_FALSE(has(svg_of(bars), "nan"));
    ConfusionPlot many{"", {}, {}, {}};
    for (int i = 0; i < 150; ++i) many.labels.push_back(std::to_string(i));
    many.counts.assign(150 * 150, 1);
    CHECK(times(svg_of(many), "<rect") == 150 * 150);
    (void)report_html({"", {}, {}});
    CHECK(report_text({"", {}, {}}, {}).empty());
  }

  TEST_CASE("ticks are round, in order, inside and of a fair number") {
    const auto texts = [](double low, double high, NumberStyle style, bool logarithmic) {
      Axis axis{"", style, std::nullopt, logarithmic};
      Extent extent(axis);
      extent.add(low);
      extent.add(high);
      std::string all;
      const AxisScale scale(axis, extent, 5);
      for (const AxisScale::Tick& tick : scale.ticks()) all += tick.text + "|";
      return all;
    };
    CHECK(texts(0, 1, {}, false) == "0.0|0.2|0.4|0.6|0.8|1.0|");
    CHECK(texts(0.53, 0.91, kPercentStyle, false) == "50 %|60 %|70 %|80 %|90 %|100 %|");
    CHECK(texts(-3, 7, {}, false) == "-4|-2|0|2|4|6|8|");
    CHECK(texts(0, 5e6, {}, false) == "0|1000000|2000000|3000000|4000000|5000000|");
    CHECK(texts(0.002, 300, {}, true) == "0.001|0.1|10|1000|");
    CHECK(texts(2, 30, {}, true) == "1|2|5|10|20|50|100|");
    CHECK(texts(4, 4, {}, false) == "2|3|4|5|6|");

    Random random(12);
    for (int trial = 0; trial < 2000; ++trial) {
      const double size = std::pow(10, random.between(-20, 20));
      const double low = random.normal() * size, high = low + std::abs(random.normal()) * size;
      Axis axis{"", {}, std::nullopt, trial % 2 == 1};
      Extent extent(axis);
      extent.add(std::abs(low));
      extent.add(std::abs(high));
      const AxisScale scale(axis, extent, 5);
      CAPTURE(low);
      CAPTURE(high);
      CHECK(scale.ticks().size() >= 2);
      CHECK(scale.ticks().size() <= 13);
      double last = -1e-6;
      for (const AxisScale::Tick& tick : scale.ticks()) {
        CHECK(scale.place(tick.value) > last);
        last = scale.place(tick.value);
        CHECK(last <= 1 + 1e-6);
      }
      for (const double value : {std::abs(low), std::abs(high)}) {
        CHECK(scale.place(value) >= -1e-6);
        CHECK(scale.place(value) <= 1 + 1e-6);
      }
    }
  }

  TEST_CASE("a thinned line keeps its ends, peaks and gaps") {
    std::vector<Point> points;
    Random random(6);
    for (int i = 0; i < 100'000; ++i) points.push_back({double(i), random.uniform(), std::nullopt});
    points[54'321].y = 50;
    points[12'345].y = -50;
    points[77'777].y = kNan;
    const std::vector<Point> thin = thinned(points, 1000);
    CHECK(thin.size() <= 1000);
    CHECK(thin.size() >= 600);
    CHECK(thin.front().x == 0);
    CHECK(thin.back().x == 99'999);
    double lowest = 0, highest = 0, last = -1;
    int gaps = 0;
    for (const Point& point : thin) {
      CHECK(point.x > last);
      last = point.x;
      gaps += std::isnan(point.y);
      lowest = std::fmin(lowest, point.y);
      highest = std::fmax(highest, point.y);
    }
    CHECK(gaps == 1);
    CHECK(lowest == -50);
    CHECK(highest == 50);
    points.resize(1000);
    CHECK(thinned(points, 1000).size() == 1000);
  }

  TEST_CASE("notes tell which resamples do not define a figure") {
    const std::vector<std::string> notes = notes_on_undefined(example_table());
    REQUIRE(notes.size() == 1);
    CHECK(notes[0] ==
          "hands, blurred, recall: 12 resamples do not define it and are left out of its interval");
  }

  TEST_CASE("what is no report") {
    const auto error = [](const Element& element) {
      const Report report{"r", {}, {{"s", {element}}}};
      const std::string text = error_of([&] { (void)report_text(report, {}); });
      CHECK(error_of([&] { (void)report_html(report); }) == text);
      CHECK(error_of([&] { (void)report_json(report); }) == text);
      return text;
    };
    Table table = example_table();
    table.rows[1].pop_back();
    CHECK(has(error(table), "table 'Detection', row 1: 3 cells for 4 columns"));
    table = example_table();
    table.columns[1].title = "kind";
    CHECK(has(error(table), "two columns of the name 'kind'"));
    CHECK(has(error(Table{"t", {}, {}, {}}), "no columns"));

    LinePlot lines = example_lines();
    lines.series[0].points[0].x = kNan;
    CHECK(has(error(lines), "an x that is not a number"));
    lines = example_lines();
    lines.series[0].points[0].interval->high = HUGE_VAL;
    CHECK(has(error(lines), "an interval whose end"));
    lines = example_lines();
    lines.y.range = Interval{1, 1};
    CHECK(has(error(lines), "axis 'accuracy' from 1 to 1"));
    lines.y.range = Interval{0, 1};
    lines.y.logarithmic = true;
    CHECK(has(error(lines), "start above 0"));
    lines = example_lines();
    lines.series[1].name = "random";
    CHECK(has(error(lines), "the name 'random' twice"));

    BarPlot bars = example_bars();
    bars.series[0].values.pop_back();
    CHECK(has(error(bars), "1 values for 2 categories"));
    bars = example_bars();
    bars.series[0].values[0].value = HUGE_VAL;
    CHECK(has(error(bars), "not finite"));
    bars = example_bars();
    bars.y.range = Interval{1, 5};
    CHECK(has(error(bars), "bars start at 0"));
    bars = example_bars();
    bars.y.logarithmic = true;
    CHECK(has(error(bars), "bars start at 0"));
    bars = example_bars();
    bars.series.clear();
    CHECK(has(error(bars), "no bars"));

    ConfusionPlot confusion = example_confusion();
    confusion.counts.pop_back();
    CHECK(has(error(confusion), "8 counts for 3 classes"));
    confusion = example_confusion();
    confusion.counts[0] = -1;
    CHECK(has(error(confusion), "a count of -1"));
    CHECK(has(error(PictureSheet{"p", {{Image(), "c"}}}), "the picture 'c' is empty"));
    CHECK(has(error_of([] {
                (void)report_html({"r", {{"a", "1"}, {"a", "2"}}, {}});
              }),
              "the fact 'a' twice"));
  }
}

}  // namespace
}  // namespace ofer::test
