#include "weights/sharded_index.h"

#include <algorithm>

#include "engine/error.h"
#include "weights/file_text.h"
#include "weights/strict_json.h"

namespace ofer {

bool is_json_object(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != text.npos && text[first] == '{';
}

ShardedIndex parse_sharded_index(std::string_view text, const std::string& file) {
  JsonValue json;
  try {
    json = parse_strict_json(text, file);
  } catch (const Error& error) {  // the same words, as what they are here
    fail(ErrorCode::kBadFile, error.what());
  }
  const JsonValue* map = json.find("weight_map");
  require(map && map->is_object(), ErrorCode::kBadFile, file, ": is JSON, but no checkpoint's index (no \"weight_map\")");
  for (const auto& [key, value] : json.members())
    require(key == "weight_map" || key == "metadata", ErrorCode::kBadFile, file, ": unknown field ",
            printable(key));
  ShardedIndex index;
  for (const auto& [tensor, shard] : map->members()) {
    require(is_plain_text(tensor), ErrorCode::kBadFile, file, ": the name ", printable(tensor),
            " is empty or holds control characters");
    require(shard.is_string(), ErrorCode::kBadFile, file, ": tensor ", printable(tensor),
            ": its file is not text");
    const auto& name = shard.string();
    require(is_plain_text(name) && name.find_first_of("/\\") == name.npos && name != "." &&
                name != ".." && name.size() <= 255,
            ErrorCode::kBadFile, file, ": tensor ", printable(tensor), ": its file ",
            printable(name), " is not the plain name of a file beside the index");
    index.files.push_back(name);
  }
  std::sort(index.files.begin(), index.files.end());
  index.files.erase(std::unique(index.files.begin(), index.files.end()), index.files.end());
  require(!index.files.empty(), ErrorCode::kBadFile, file, ": lists no tensors");
  require(index.files.size() <= kMaxShards, ErrorCode::kBadFile, file, ": names ",
          index.files.size(), " files; at most ", kMaxShards, " are read");
  for (const auto& [tensor, shard] : map->members()) {
    const auto place = std::lower_bound(index.files.begin(), index.files.end(),
                                        shard.string());
    index.file_of.emplace(tensor, static_cast<std::uint32_t>(place - index.files.begin()));
  }
  return index;
}

}  // namespace ofer
