#include "weights/json_settings.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

using Json = nlohmann::ordered_json;

Json value_of(const std::string& text) {
  Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? Json(text) : value;
}

// Null: there is no such field.
Json* find(Json& document, std::string path) {
  std::replace(path.begin(), path.end(), '.', '/');
  try {
    const Json::json_pointer pointer("/" + path);
    return document.contains(pointer) ? &document.at(pointer) : nullptr;
  } catch (const Json::exception&) {  // no path, or an index that is no number
    return nullptr;
  }
}

}  // namespace

std::string with_settings(const std::string& json, const JsonSettings& settings,
                          const std::string& what) {
  Json document = Json::parse(json);
  for (const auto& [path, text] : settings) {
    Json* field = find(document, path);
    require(field != nullptr, ErrorCode::kBadArgument, "the ", what, " has no field ",
            printable(path));
    *field = value_of(text);
  }
  try {
    return document.dump(2);
  } catch (const Json::exception&) {
    fail(ErrorCode::kBadArgument, "a setting of the ", what, " is not UTF-8");
  }
}

Config with_settings(const Config& config, const JsonSettings& settings) {
  return parse_config(with_settings(to_json(config), settings, "configuration"));
}

}  // namespace ofer
