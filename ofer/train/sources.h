// How often the faces of each source of a data set are seen in an epoch.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "ofer/data/dataset.h"

namespace ofer {

// Sources by name (Sample::source), and how often each of their faces comes in an epoch.
using SourceCounts = std::map<std::string, int>;

// The samples of the named sources, each as often as that, in their order, one round behind the
// other; all samples once where none is named. Throws kBadArgument for a count below 1, and, naming
// the sources there are, for one that no sample is of.
std::vector<std::size_t> by_source(const Dataset& dataset, const std::vector<std::size_t>& samples,
                                   const SourceCounts& counts);

}  // namespace ofer
