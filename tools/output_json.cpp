#include "tools/output_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "tools/json_text.h"

namespace ofer {

namespace {

// Keys stay in the order in which they are written, and numbers are floats: 0.1f prints as 0.1,
// where a double would print 0.10000000149011612.
using Json = nlohmann::basic_json<nlohmann::ordered_map, std::vector, std::string, bool,
                                  std::int64_t, std::uint64_t, float>;

// To the microsecond; more digits are noise.
float milliseconds(double value) {
  return static_cast<float>(std::round(value * 1000) / 1000);
}

}  // namespace

std::string result_line(const std::string& file, const Result& result, const RunInfo& info) {
  Json line;
  line["file"] = file;
  line["label"] = info.labels.at(static_cast<std::size_t>(result.label));
  Json& probabilities = line["probabilities"] = Json::object();
  for (std::size_t i = 0; i < result.probabilities.size(); ++i)
    probabilities[info.labels.at(i)] = result.probabilities[i];
  Json& patches = line["patches"] = Json::object();
  patches["rows"] = result.rows;
  patches["columns"] = result.columns;
  patches["distance"] = result.distance;
  patches["radius"] = result.radius;
  patches["occluded"] = result.occluded;
  patches["chosen"] = result.chosen;
  Json& time = line["time_ms"] = Json::object();
  time["detect"] = milliseconds(result.time_ms.detect);
  time["reconstruct"] = milliseconds(result.time_ms.reconstruct);
  time["recognise"] = milliseconds(result.time_ms.recognise);
  time["total"] = milliseconds(result.time_ms.total);
  line["device"] = info.device;
  line["precision"] = info.precision;
  line["trained"] = info.trained;
  return json_line(line);
}

std::string error_line(const std::string& file, const std::string& message) {
  Json line;
  line["file"] = file;
  line["error"] = message;
  return json_line(line);
}

void JsonOutput::result(const std::string& file, const Result& result) {
  print_line(console_, result_line(file, result, info_));
}

void JsonOutput::error(const std::string& file, const std::string& message) {
  print_line(console_, error_line(file, message));
}

void JsonOutput::finish(const RunSummary& summary) {
  const std::string of_all = " of " + std::to_string(summary.images) + " images";
  if (summary.answered > 0 && !info_.trained)
    print_note(console_, "ofer: " + std::string(kUntrainedNote));
  if (summary.failed > 0)
    print_note(console_, "ofer: " + std::to_string(summary.failed) + of_all + " failed");
  if (summary.interrupted)
    print_note(console_, "ofer: interrupted after " +
                             std::to_string(summary.answered + summary.failed) + of_all);
}

}  // namespace ofer
