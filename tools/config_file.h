// Configurations and other small texts as a command line names them.
#pragma once

#include <string>

#include "weights/config.h"

namespace ofer {

// A small file's text. Throws kIo and kBadFile, naming the file and `what` it should be.
std::string text_of_file(const std::string& path, const std::string& what);

// "base", "small", or a file of JSON (docs/model.md). Throws kIo and kBadFile, naming the file.
Config config_named(const std::string& name);

}  // namespace ofer
