// "--set FIELD=VALUE", as several commands take it.
#pragma once

#include <string>
#include <vector>

#include "weights/json_settings.h"

namespace ofer {

// From "detector.spheres[0].gamma=0.5" and the like. Throws kBadArgument for a text without a field
// or a value, and for a field that is set twice.
JsonSettings settings_of(const std::vector<std::string>& texts);

}  // namespace ofer
