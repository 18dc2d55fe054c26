#include "tools/inspect_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/error.h"
#include "tools/inspect_statistics.h"
#include "tools/json_text.h"
#include "tools/text_format.h"
#include "weights/weight_file.h"

namespace ofer {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kNumbersWidth = 76, kLeastNameWidth = 20;

std::int64_t numbers_in(const SafetensorsFile& file) {
  std::int64_t count = 0;
  for (const SafetensorsEntry& entry : file.entries()) count += entry.shape.elements();
  return count;
}

Json tensor_json(const SafetensorsFile& file, const SafetensorsEntry& entry) {
  Json tensor;
  tensor["name"] = entry.name;
  tensor["shape"] = shape_json(entry.shape);
  tensor["dtype"] = entry.dtype_name;
  const std::optional<TensorStatistics> s = statistics_of(file, entry);
  const bool any = s && s->finite > 0;
  tensor["min"] = any ? Json(s->min) : Json();
  tensor["max"] = any ? Json(s->max) : Json();
  tensor["mean"] = any ? Json(s->mean) : Json();
  tensor["nan"] = s ? Json(s->nan) : Json();
  tensor["infinite"] = s ? Json(s->infinite) : Json();
  return tensor;
}

std::string tensor_text(const SafetensorsFile& file, const SafetensorsEntry& entry,
                        int name_width) {
  std::string text = fit_left(one_line(entry.name), name_width) + "  " +
                     fit_left(entry.dtype_name, 5) + "  " + fit_left(entry.shape.to_string(), 20);
  const std::optional<TensorStatistics> s = statistics_of(file, entry);
  if (!s) return text + "  no numbers of a type that this program knows";
  if (s->finite > 0) text += format("  %11.4g  %11.4g  %11.4g", s->min, s->max, s->mean);
  if (s->nan > 0) text += "  " + std::to_string(s->nan) + " NaN";
  if (s->infinite > 0) text += "  " + std::to_string(s->infinite) + " infinite";
  return text;
}

}  // namespace

nlohmann::ordered_json metadata_value(const std::string& text) {
  Json value = Json::parse(text, nullptr, false);
  return value.is_object() || value.is_array() ? value : Json(text);
}

FileReport report_on(const SafetensorsFile& file) {
  FileReport report;
  const auto& metadata = file.metadata();
  report.weights = metadata.contains("configuration") || metadata.contains("format_version");
  if (report.weights) {
    try {
      read_weight_info(file);
    } catch (const Error& error) {
      report.problem = error.what();
    }
  }
  report.checksum = "none";
  if (metadata.contains("sha256")) {
    report.checksum = "good";
    try {
      verify_checksum(file);
    } catch (const Error&) {
      report.checksum = "wrong";
    }
  }
  return report;
}

void print_file_json(const SafetensorsFile& file, const std::string& path, const FileReport& report,
                     Console& console) {
  Json head;
  head["file"] = path;
  head["weight_file"] = report.weights && report.problem.empty();
  head["problem"] = report.problem.empty() ? Json() : Json(report.problem);
  head["checksum"] = report.checksum;
  head["numbers"] = numbers_in(file);
  std::set<std::string_view> shown;
  if (report.weights && report.problem.empty()) {
    const WeightInfo info = read_weight_info(file);
    head["configuration"] = Json::parse(to_json(info.config));
    head["labels"] = info.labels;
    head["provenance"] = info.provenance;
    head["licence"] = info.licence;
    head["trained"] = info.trained;
    shown = {"configuration", "labels", "provenance", "licence", "trained"};
  }
  Json& metadata = head["metadata"] = Json::object();  // the rest
  for (const auto& [key, value] : file.metadata())
    if (!shown.contains(key)) metadata[key] = metadata_value(value);
  Json& tensors = head["tensors"] = Json::array();
  for (const SafetensorsEntry& entry : file.entries()) tensors.push_back(tensor_json(file, entry));
  print_line(console, json_line(head));
}

void print_file_table(const SafetensorsFile& file, const std::string& path,
                      const FileReport& report, Console& console) {
  const auto row = [&](const char* title, const std::string& text) {
    print_line(console, fit_left(title, 14) + "  " + one_line(text));
  };
  row("file", path);
  if (report.weights && report.problem.empty()) {
    const WeightInfo info = read_weight_info(file);
    std::string labels;
    for (const std::string& label : info.labels) labels += (labels.empty() ? "" : ", ") + label;
    row("labels", labels);
    row("provenance", info.provenance);
    row("licence", info.licence);
    row("trained", info.trained ? "yes" : "no: random numbers");
    print_line(console, "configuration");
    const Json config = Json::parse(to_json(info.config));
    for (const auto& [key, value] : config.items())
      print_line(console, "  " + key + ": " + one_line(json_line(value)));
  } else {
    row("metadata", report.weights            ? "of a weight file, but: " + report.problem
                    : file.metadata().empty() ? "none: plain safetensors"
                                              : "not a weight file's: plain safetensors");
    for (const auto& [key, value] : file.metadata())
      print_line(console, "  " + one_line(key) + ": " + one_line(value));
  }
  row("checksum", report.checksum == "good"   ? "good"
                  : report.checksum == "none" ? "none"
                                              : "WRONG: the data is damaged; get the file again");
  row("tensors",
      std::to_string(file.entries().size()) + ", " + std::to_string(numbers_in(file)) + " numbers");
  print_line(console, "");
  int longest = kLeastNameWidth;
  for (const SafetensorsEntry& entry : file.entries())
    longest = std::max(longest, display_width(one_line(entry.name)));
  const int width = std::min(longest, std::max(console.width - kNumbersWidth, kLeastNameWidth));
  print_line(console, fit_left("name", width) + "  " + fit_left("dtype", 5) + "  " +
                          fit_left("shape", 20) + "          min          max         mean");
  for (const SafetensorsEntry& entry : file.entries())
    print_line(console, tensor_text(file, entry, width));
}

}  // namespace ofer
