// Structs of programs that were compiled with an older or a newer header.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "engine/error.h"
#include "ofer/ofer.h"

namespace ofer::api {

// No struct of any version is longer: a size above it was never set.
inline constexpr std::size_t kLongestStruct = 4096;

// The size that the caller's struct says it has, checked: at least `first`, that of the first
// version, and nothing but zeros behind what this library knows. Throws kBadArgument, kUnsupported.
template <class Struct>
std::size_t checked_size(const Struct& given, std::size_t first, const char* name) {
  const std::size_t size = given.size;
  require(size >= first && size <= kLongestStruct && size % alignof(Struct) == 0,
          ErrorCode::kBadArgument, name, ".size is ", size, "; begin with the struct's _INIT");
  const auto* bytes = reinterpret_cast<const unsigned char*>(&given);
  require(std::all_of(bytes + std::min(size, sizeof(Struct)), bytes + size,
                      [](unsigned char byte) { return byte == 0; }),
          ErrorCode::kUnsupported, name, " is of a later version and uses what this library (",
          ofer_version(), ") has not");
  return size;
}

// What the caller's struct says, the rest from `defaults`. given null: the defaults.
template <class Struct>
Struct read_struct(const Struct* given, const Struct& defaults, const char* name,
                   std::size_t first = sizeof(Struct)) {
  Struct value = defaults;
  if (!given) return value;
  const std::size_t size = checked_size(*given, first, name);
  std::memcpy(&value, given, std::min(size, sizeof(Struct)));
  value.size = sizeof(Struct);
  return value;
}

// Fills the caller's struct as far as it goes.
template <class Struct>
void write_struct(Struct value, Struct* to, const char* name, std::size_t first = sizeof(Struct)) {
  require(to != nullptr, ErrorCode::kBadArgument, name, " is null");
  value.size = checked_size(*to, first, name);
  std::memcpy(static_cast<void*>(to), &value, std::min(value.size, sizeof(Struct)));
}

}  // namespace ofer::api
