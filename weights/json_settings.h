// Single fields of a JSON document by name, as a command line sets them.
#pragma once

#include <map>
#include <string>

#include "weights/config.h"

namespace ofer {

// Fields by path ("decoder.heads", "detector.spheres.0.taps") and what they are to be: JSON, or
// plain text where that is no JSON.
using JsonSettings = std::map<std::string, std::string, std::less<>>;

// The document with these fields replaced. Throws kBadArgument, naming `what` ("configuration"),
// for a field that is not there.
std::string with_settings(const std::string& json, const JsonSettings& settings,
                          const std::string& what);
// The same of a configuration, which must stay a valid one.
Config with_settings(const Config& config, const JsonSettings& settings);

}  // namespace ofer
