// Single fields of a configuration by name, as a command line sets them.
#pragma once

#include <map>
#include <string>

#include "weights/config.h"

namespace ofer {

// Fields by path ("decoder.heads", "detector.spheres.0.taps") and what they are to be: JSON, or
// plain text where that is no JSON.
using ConfigSettings = std::map<std::string, std::string, std::less<>>;

// Throws kBadArgument for a field that is not there and for a result that is no valid
// configuration.
Config with_settings(const Config& config, const ConfigSettings& settings);

}  // namespace ofer
