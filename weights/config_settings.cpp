#include "weights/config_settings.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

using nlohmann::json;

json value_of(const std::string& text) {
  json value = json::parse(text, nullptr, false);
  return value.is_discarded() ? json(text) : value;
}

json::json_pointer pointer_to(std::string path) {
  std::replace(path.begin(), path.end(), '.', '/');
  try {
    return json::json_pointer("/" + path);
  } catch (const json::exception&) {
    fail(ErrorCode::kBadArgument, "the configuration has no field ", printable(path));
  }
}

}  // namespace

Config with_settings(const Config& config, const ConfigSettings& settings) {
  json document = json::parse(to_json(config));
  for (const auto& [path, text] : settings) {
    const json::json_pointer pointer = pointer_to(path);
    bool known = false;
    try {
      known = document.contains(pointer);
    } catch (const json::exception&) {  // an index that is no number
    }
    require(known, ErrorCode::kBadArgument, "the configuration has no field ", printable(path));
    document[pointer] = value_of(text);
  }
  try {
    return parse_config(document.dump());
  } catch (const json::exception&) {
    fail(ErrorCode::kBadArgument, "a setting of the configuration is not UTF-8");
  }
}

}  // namespace ofer
