// A configuration as a command line names it.
#pragma once

#include <string>

#include "weights/config.h"

namespace ofer {

// "base", "small", or a file of JSON (docs/model.md). Throws kIo and kBadFile, naming the file.
Config config_named(const std::string& name);

}  // namespace ofer
