// Device and precision by the names that the command line gives them.
#pragma once

#include <string>

#include "engine/device.h"
#include "engine/precision.h"

namespace ofer {

// "cpu", "cuda", "cuda:N" or "simt". Throws kBadArgument for any other text.
Device device_named(const std::string& name);

// As device_named reads it, a CUDA device always with its number.
std::string shown(const Device& device);

// "fp32", "tf32", "bf16" or "fp64". Throws kBadArgument for any other text.
Precision precision_named(const std::string& name);

}  // namespace ofer
