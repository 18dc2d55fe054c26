// Numbers about a tensor of a file, in one pass over it and in constant memory.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/shape.h"
#include "weights/safetensors.h"

namespace ofer {

// Of the finite elements; all 0 where there is none.
struct TensorStatistics {
  double min = 0, max = 0, mean = 0;
  std::int64_t finite = 0, nan = 0, infinite = 0;
};

// Empty for element types that the engine has no tensors of (BOOL, F8_E4M3, ...).
std::optional<TensorStatistics> statistics_of(const SafetensorsFile& file,
                                              const SafetensorsEntry& entry);

// How two tensors of one shape differ. A NaN equals a NaN, and -0 equals 0.
struct TensorDifference {
  std::int64_t different = 0;  // elements
  // Where both are finite and |a - b| is largest; where only one is finite goes before any other.
  double largest = 0, a = 0, b = 0;
  std::int64_t place = 0;
  double relative_l2 = 0;        // |a - b| / |a| over what is finite in both; plain where a is 0
  std::int64_t only_finite = 0;  // elements that are finite in one only, or unlike infinities
};

// Empty where the shapes differ, or a type that is not known keeps the bytes from being read as
// numbers; then `same_bytes` is what there is to know.
std::optional<TensorDifference> difference_of(const SafetensorsFile& a,
                                              const SafetensorsEntry& entry_a,
                                              const SafetensorsFile& b,
                                              const SafetensorsEntry& entry_b);

// Is it the same type and shape, and the same bytes?
bool same_bytes(const SafetensorsFile& a, const SafetensorsEntry& entry_a, const SafetensorsFile& b,
                const SafetensorsEntry& entry_b);

}  // namespace ofer
