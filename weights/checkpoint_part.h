// What one file gives to a checkpoint. Private to the readers of checkpoints.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/shape.h"
#include "weights/checkpoint.h"
#include "weights/checkpoint_source.h"

namespace ofer {

// Where a tensor's elements are. Every element that the shape and the strides reach lies inside the
// source's bytes.
struct TensorPlace {
  std::uint32_t source = 0;  // number of the file
  std::uint64_t offset = 0;  // of element 0, in bytes
  std::uint64_t element_bytes = 0;
  std::array<std::uint64_t, Shape::kMaxRank> strides{};  // in elements
  bool contiguous = true;                                // row-major without gaps
};

struct CheckpointPart {
  std::string format;
  std::vector<CheckpointTensor> tensors;
  std::vector<TensorPlace> places;  // of each tensor
  std::vector<std::pair<std::string, double>> numbers;
};

// True for a file that begins as a safetensors file does.
bool is_safetensors(std::span<const std::byte> bytes);

// Each throws kBadFile.
CheckpointPart read_safetensors_part(const CheckpointSource& source);
CheckpointPart read_torch_zip(const CheckpointSource& source);
CheckpointPart read_torch_stream(const CheckpointSource& source);
// Whichever of these it is.
CheckpointPart read_part(const CheckpointSource& source);

// The numeric types, by the names of CheckpointTensor.
bool is_numeric(std::string_view dtype_name);

}  // namespace ofer
