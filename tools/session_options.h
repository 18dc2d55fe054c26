// Sessions, devices and precisions by the names that the command line gives.
#pragma once

#include <string>

#include "engine/device.h"
#include "engine/precision.h"
#include "engine/session.h"
#include "tools/console.h"

namespace CLI {
class App;
}

namespace ofer {

// "cpu", "cuda", "cuda:N" or "simt". Throws kBadArgument for any other text.
Device device_named(const std::string& name);

// As device_named reads it, a CUDA device always with its number.
std::string shown(const Device& device);

// "fp32", "tf32", "bf16", "mixed" or "fp64". Throws kBadArgument for any other text.
Precision precision_named(const std::string& name);

// As the command line gives them.
struct SessionNames {
  std::string device = "cpu", precision = "fp32";
  int threads = 0;
};

// --device, --precision and --threads, in this group of the command's help ("": none). What is said
// of the precisions may be the command's own.
void add_session_options(CLI::App& command, SessionNames& names, const std::string& group,
                         const char* precisions = "fp32 (default), bf16, mixed, fp64 (CPU)\nor tf32 (GPU)");

// A session of these names. Its warnings go to the console, which has to outlive it.
SessionOptions session_options(const SessionNames& names, Console& console);

}  // namespace ofer
