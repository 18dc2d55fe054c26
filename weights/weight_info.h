// The metadata of a weight file, to and from WeightInfo. Private to the weight file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "weights/weight_file.h"

namespace ofer {

// Throws kBadArgument unless there is at least one label and all are non-empty and different.
void check_labels(const std::vector<std::string>& labels);

// All but the checksum, which the writer adds. Throws kBadArgument for an invalid `info`.
std::map<std::string, std::string, std::less<>> weight_metadata(const WeightInfo& info);

}  // namespace ofer
