// Sessions, devices and precisions by the names that the command line gives.
#pragma once

#include <string>

#include "engine/device.h"
#include "engine/precision.h"
#include "engine/session.h"
#include "tools/console.h"

namespace ofer {

// "cpu", "cuda", "cuda:N" or "simt". Throws kBadArgument for any other text.
Device device_named(const std::string& name);

// As device_named reads it, a CUDA device always with its number.
std::string shown(const Device& device);

// "fp32", "tf32", "bf16" or "fp64". Throws kBadArgument for any other text.
Precision precision_named(const std::string& name);

// A session of these names. Its warnings go to the console, which has to outlive it.
SessionOptions session_options(const std::string& device, const std::string& precision, int threads,
                               Console& console);

}  // namespace ofer
