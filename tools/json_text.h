// JSON as the commands print it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/shape.h"

namespace ofer {

// In one line. Bytes that are not UTF-8 (names of files and tensors) are replaced, not refused.
template <class Json>
std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// "[1, 3, 224, 224]" as a list.
inline nlohmann::ordered_json shape_json(const Shape& shape) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (int axis = 0; axis < shape.rank(); ++axis) list.push_back(shape[axis]);
  return list;
}

}  // namespace ofer
