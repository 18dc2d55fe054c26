// The metadata of a weight file, to and from WeightInfo.
#include "weights/weight_info.h"

#include <nlohmann/json.hpp>
#include <set>

#include "engine/error.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

const std::string& entry(const SafetensorsFile& file, std::string_view key) {
  const auto found = file.metadata().find(key);
  require(found != file.metadata().end(), ErrorCode::kBadFile, file.name(), ": no ", key,
          " in its metadata; it is not a weight file of this program (convert it first)");
  return found->second;
}

void check_version(const SafetensorsFile& file) {
  const std::string& version = entry(file, "format_version");
  require(version == std::to_string(kWeightFormatVersion), ErrorCode::kBadFile, file.name(),
          ": weight format version ", printable(version), ", but this program reads version ",
          kWeightFormatVersion, "; a newer program may read it");
}

std::vector<std::string> parse_labels(const std::string& text) {
  const JsonValue document = parse_strict_json(text, "labels");
  require(document.is_list(), ErrorCode::kBadArgument, "labels: must be a list of names");
  std::vector<std::string> labels;
  for (const JsonValue& label : document.list()) {
    require(label.is_string(), ErrorCode::kBadArgument, "labels: must be a list of names");
    labels.push_back(label.string());
  }
  check_labels(labels);
  return labels;
}

std::string preprocessing_json(const Config& config) {
  const nlohmann::ordered_json document = {{"channels", "RGB"},
                                           {"range", {0, 1}},
                                           {"resize", "bilinear, antialiased, half-pixel centres"},
                                           {"image_size", config.image_size},
                                           {"mean", config.mean},
                                           {"std", config.std}};
  return document.dump();
}

}  // namespace

std::vector<std::string> default_labels() {
  return {"surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"};
}

void check_labels(const std::vector<std::string>& labels) {
  require(!labels.empty() && labels.size() <= 65536, ErrorCode::kBadArgument,
          "labels: must be from 1 to 65536 names");
  std::set<std::string_view> seen;
  for (const std::string& label : labels) {
    require(!label.empty(), ErrorCode::kBadArgument, "labels: a name is empty");
    require(seen.insert(label).second, ErrorCode::kBadArgument, "labels: ", printable(label),
            " comes twice");
  }
}

WeightInfo read_weight_info(const SafetensorsFile& file) {
  check_version(file);
  WeightInfo info;
  try {
    info.config = parse_config(entry(file, "configuration"));
    info.labels = parse_labels(entry(file, "labels"));
    require(parse_strict_json(entry(file, "preprocessing"), "preprocessing").is_object(),
            ErrorCode::kBadArgument, "preprocessing: must be an object");
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadArgument) throw;
    fail(ErrorCode::kBadFile, file.name(), ": ", error.what());
  }
  info.provenance = entry(file, "provenance");
  info.licence = entry(file, "licence");
  const std::string& trained = entry(file, "trained");
  require(trained == "true" || trained == "false", ErrorCode::kBadFile, file.name(),
          ": trained must be \"true\" or \"false\", not ", printable(trained));
  info.trained = trained == "true";
  return info;
}

std::map<std::string, std::string, std::less<>> weight_metadata(const WeightInfo& info) {
  validate(info.config);
  check_labels(info.labels);
  std::string labels;
  try {
    labels = nlohmann::json(info.labels).dump();
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::kBadArgument, "labels: a name is not UTF-8");
  }
  return {{"format_version", std::to_string(kWeightFormatVersion)},
          {"configuration", to_json(info.config)},
          {"labels", labels},
          {"preprocessing", preprocessing_json(info.config)},
          {"provenance", info.provenance},
          {"licence", info.licence},
          {"trained", info.trained ? "true" : "false"}};
}

}  // namespace ofer
