// What is fuzzed: functions that take bytes nobody vouches for.
#pragma once

#include <cstddef>
#include <span>

namespace ofer::fuzz {

using Bytes = std::span<const std::byte>;

// Each reads `bytes` as what its name says. An ofer::Error that blames the file is an answer; any
// other one, and everything that a sanitizer sees, is a finding.
void zip(Bytes bytes);
void torch_zip(Bytes bytes);     // a data.pkl, inside a sound archive
void torch_stream(Bytes bytes);  // the whole file
void safetensors(Bytes bytes);
void weight_file(Bytes bytes);
void checkpoint(Bytes bytes);  // whatever it is: its tensors are listed and read
void image(Bytes bytes);

struct Target {
  const char* name;  // of its corpus too: fuzz/corpus/NAME
  void (*run)(Bytes);
};

inline constexpr Target kTargets[] = {
    {"zip", zip},
    {"torch_zip", torch_zip},
    {"torch_stream", torch_stream},
    {"safetensors", safetensors},
    {"weight_file", weight_file},
    {"checkpoint", checkpoint},
    {"image", image},
};

}  // namespace ofer::fuzz
