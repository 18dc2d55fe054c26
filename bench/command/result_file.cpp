#include "bench/command/result_file.h"

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <span>
#include <sstream>

#include "bench/measure/machine.h"
#include "engine/atomic_file.h"
#include "engine/error.h"

#ifndef OFER_VERSION
#define OFER_VERSION "0.1.0"
#endif

namespace ofer::bench {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "ofer-bench";

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string text_of(const Json& json, const char* key) {
  return json.at(key).get<std::string>();
}

void add_figure(std::vector<Figure>& figures, std::string name, const Json& timing) {
  // Noise that nobody knows (a single round) is written as null.
  const Json& noise = timing.at("noise");
  figures.push_back({std::move(name), timing.at("median_ms").get<double>(),
                     noise.is_null() ? 1.0 : noise.get<double>()});
}

void add_kernel_figures(std::vector<Figure>& figures, const Json& result) {
  for (const Json& row : result.at("cases")) {
    std::string name = text_of(row, "operation") + ": " + text_of(row, "case");
    if (!row.at("variant").is_null()) name += " [" + text_of(row, "variant") + "]";
    name += " (" + text_of(row, "device") + " " + text_of(row, "precision");
    for (const char* how : {"warm", "cold"})
      if (row.contains(how)) add_figure(figures, name + ", " + how + ")", row.at(how));
  }
}

void add_pipeline_figures(std::vector<Figure>& figures, const Json& result) {
  for (const Json& run : result.at("runs"))
    for (const Json& batch : run.at("batches"))
      for (const auto& [stage, timing] : batch.at("stages").items())
        add_figure(figures,
                   stage + ", batch " + std::to_string(batch.at("batch").get<int>()) + " (" +
                       text_of(run, "config") + ", " + text_of(run, "device") + " " +
                       text_of(run, "precision") +
                       (run.at("deterministic").get<bool>() ? "" : ", fast") + ")",
                   timing);
}

}  // namespace

Json result_head(const std::string& kind, std::optional<int> gpu) {
  const char* commit = std::getenv("OFER_COMMIT");
  Json head = {{"format", kFormat},
               {"version", kResultVersion},
               {"kind", kind},
               {"date", utc_now()},
               {"program", OFER_VERSION},
               {"commit", commit ? Json(commit) : Json()},
               {"machine", describe_machine()}};
  if (gpu) head["gpu"] = describe_gpu(*gpu);
  return head;
}

Json read_result(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  require(file.good(), ErrorCode::kIo, path, ": cannot be read");
  std::ostringstream text;
  text << file.rdbuf();
  const Json result = Json::parse(text.str(), nullptr, false);
  require(result.is_object() && result.value("format", "") == kFormat, ErrorCode::kBadFile, path,
          ": is no result of ofer bench (made with --json or -o)");
  const Json version = result.value("version", Json());
  require(version == kResultVersion, ErrorCode::kBadFile, path, ": is of version ", version.dump(),
          " of the format, and this program reads ", kResultVersion,
          "; measure again with this program");
  return result;
}

void write_result(const std::string& path, const Json& result) {
  const std::string text = result.dump(1, ' ', false, Json::error_handler_t::replace) + '\n';
  write_file_atomically(path, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

std::vector<Figure> figures_of(const Json& result, const std::string& path) {
  std::vector<Figure> figures;
  try {
    const std::string kind = text_of(result, "kind");
    if (kind == "kernels")
      add_kernel_figures(figures, result);
    else if (kind == "pipeline")
      add_pipeline_figures(figures, result);
    else
      fail(ErrorCode::kBadFile, path, ": is of a kind \"", kind,
           "\" that this program does not know");
  } catch (const Json::exception& error) {
    fail(ErrorCode::kBadFile, path, ": damaged: ", error.what());
  }
  return figures;
}

}  // namespace ofer::bench
