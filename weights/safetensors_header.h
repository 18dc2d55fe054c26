// The header of a safetensors file, from JSON to checked entries. Private to the reader.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "weights/safetensors.h"

namespace ofer {

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // padding included, sorted by place
  std::map<std::string, std::string, std::less<>> metadata;
};

// `json` is the header, `data_size` the number of bytes behind it. Throws kBadFile; messages begin
// with `file`.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_size,
                                           const std::string& file);

}  // namespace ofer
