// How two files differ, as `ofer inspect A B` shows it.
#pragma once

#include <string>

#include "tools/console.h"
#include "weights/safetensors.h"

namespace ofer {

// Prints tensors that are in one file only, other types and shapes, other values (how far, and
// where most), and other metadata. The checksum and the order of the tensors are left out: they
// follow from the rest. True: nothing differs.
bool print_difference(const SafetensorsFile& a, const std::string& path_a, const SafetensorsFile& b,
                      const std::string& path_b, bool json, Console& console);

}  // namespace ofer
