#include "tools/convert_output.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/json_text.h"
#include "tools/text_format.h"
#include "weights/tensor_table.h"

namespace ofer {

namespace {

using Json = nlohmann::ordered_json;

std::int64_t numbers_of(const WeightInfo& info) {
  return element_count(tensor_table(info.config, static_cast<std::int64_t>(info.labels.size())));
}

const char* structure_of(const WeightInfo& info) {
  return info.config.recogniser.structure == RecogniserStructure::kFolded ? "folded" : "layers";
}

// "3 tensors (a, b, ...)": the first two by name.
std::string some_of(const std::vector<std::string>& names) {
  std::string text =
      std::to_string(names.size()) + (names.size() == 1 ? " tensor (" : " tensors (");
  for (std::size_t i = 0; i < std::min<std::size_t>(2, names.size()); ++i)
    text += (i > 0 ? ", " : "") + one_line(names[i]);
  return text + (names.size() > 2 ? ", ...)" : ")");
}

}  // namespace

void print_conversion_text(const Conversion& conversion, const std::string& path, DType dtype,
                           Console& console) {
  const ConvertReport& report = conversion.report();
  for (const ConvertReport::Source& source : report.sources) {
    print_line(console, source.option + " " + one_line(source.file) + ": " + source.format + ", " +
                            source.names + ", " + std::to_string(source.used) + " tensors used");
    if (!source.left_out.empty()) print_line(console, "  left out: " + some_of(source.left_out));
  }
  if (!report.assumed.empty()) {
    print_line(console, "no shape tells these; --set FIELD=VALUE (or --labels) says otherwise");
    for (const std::string& line : report.assumed) print_line(console, "  " + one_line(line));
  }
  if (!report.filled.empty()) print_line(console, "drawn at random: " + some_of(report.filled));
  if (!report.folds.empty()) {
    print_line(console, "folds: largest error of outputs, as a share of the largest output");
    std::size_t width = 0;
    for (const FoldError& fold : report.folds) width = std::max(width, fold.name.size());
    for (const FoldError& fold : report.folds)
      print_line(console,
                 "  " + fit_left(fold.name, static_cast<int>(width)) +
                     format("  %.1e in double, %.1e in float", fold.in_double, fold.in_float));
  }
  const WeightInfo& info = conversion.info();
  print_line(console, one_line(path) + ": " +
                          format("%.2f M numbers", static_cast<double>(numbers_of(info)) / 1e6) +
                          ", " + name_of(dtype) + ", " + structure_of(info) + ", " +
                          std::to_string(info.labels.size()) + " classes" +
                          (info.config.detector.spheres.empty() ? ", no detector" : "") +
                          (info.config.unet ? "" : ", no U-Net") +
                          (info.trained ? "" : ", partly untrained"));
}

void print_conversion_json(const Conversion& conversion, const std::string& path, DType dtype,
                           Console& console) {
  const ConvertReport& report = conversion.report();
  const WeightInfo& info = conversion.info();
  Json head;
  head["file"] = path;
  head["numbers"] = numbers_of(info);
  head["dtype"] = name_of(dtype);
  head["configuration"] = Json::parse(to_json(info.config));
  head["labels"] = info.labels;
  head["trained"] = info.trained;
  Json& sources = head["sources"] = Json::array();
  for (const ConvertReport::Source& source : report.sources)
    sources.push_back({{"option", source.option},
                       {"file", source.file},
                       {"format", source.format},
                       {"names", source.names},
                       {"used", source.used},
                       {"left_out", source.left_out}});
  head["assumed"] = report.assumed;
  head["drawn_at_random"] = report.filled;
  Json& folds = head["folds"] = Json::array();
  for (const FoldError& fold : report.folds)
    folds.push_back({{"name", fold.name},
                     {"error_in_double", fold.in_double},
                     {"error_in_float", fold.in_float}});
  print_line(console, json_line(head));
}

void print_problems(const ConvertProblems& problems, Console& console) {
  const auto list = [&](const char* title, const std::vector<std::string>& lines) {
    for (const std::string& line : lines)
      print_note(console, "ofer: " + std::string(title) + ": " + one_line(line));
  };
  list("missing", problems.missing);
  list("misshapen", problems.misshapen);
  list("given twice", problems.twice);
  list("unused (--allow-unused converts without)", problems.unused);
}

}  // namespace ofer
