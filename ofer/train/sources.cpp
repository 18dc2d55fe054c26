#include "ofer/train/sources.h"

#include <algorithm>
#include <set>

#include "engine/error.h"

namespace ofer {

std::vector<std::size_t> by_source(const Dataset& dataset, const std::vector<std::size_t>& samples,
                                   const SourceCounts& counts) {
  if (counts.empty()) return samples;
  std::set<std::string> there;
  for (const std::size_t sample : samples) there.insert(dataset.samples[sample].source);
  std::string list;
  for (const std::string& source : there)
    if (!source.empty()) list += (list.empty() ? "" : ", ") + source;
  int most = 0;
  for (const auto& [source, count] : counts) {
    require(count >= 1 && count <= 1000, ErrorCode::kBadArgument, "faces.", source,
            " is how often a face comes in an epoch, 1 to 1000");
    require(there.count(source) != 0, ErrorCode::kBadArgument, "no face is of the source ", source,
            list.empty() ? std::string("; the data name no sources") : "; there are: " + list);
    most = std::max(most, count);
  }
  std::vector<std::size_t> result;
  for (int round = 0; round < most; ++round)
    for (const std::size_t sample : samples) {
      const auto found = counts.find(dataset.samples[sample].source);
      if (found != counts.end() && round < found->second) result.push_back(sample);
    }
  return result;
}

}  // namespace ofer
