// The index of a checkpoint that is spread over several files.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ofer {

// {"metadata": {...}, "weight_map": {"tensor": "file beside the index", ...}}
struct ShardedIndex {
  std::vector<std::string> files;                             // each once, sorted
  std::map<std::string, std::uint32_t, std::less<>> file_of;  // a tensor's, number in `files`
};

inline constexpr std::size_t kMaxShards = 1000;

// Does the text begin as a JSON object does?
bool is_json_object(std::string_view text);

// Throws kBadFile, one line that begins with `file`: for a text that is no such index, and for
// files that are not plain names.
ShardedIndex parse_sharded_index(std::string_view json, const std::string& file);

}  // namespace ofer
