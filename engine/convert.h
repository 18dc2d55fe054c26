// Numbers between a host's floats and the element type of a session.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/dtype.h"

namespace ofer {

// `values` as elements of `dtype` (f32, f64 or bf16; bf16 rounds to nearest, ties to even), in
// memory of `out` that is reused. Returns the first of them; for f32 that is `values` itself.
const void* from_floats(std::span<const float> values, DType dtype, std::vector<std::byte>& out);

// The same into memory of the caller's.
void from_floats(std::span<const float> values, DType dtype, void* out);

// `count` elements of `dtype` as floats; f64 rounds to nearest.
void to_floats(const void* elements, DType dtype, std::span<float> values);

}  // namespace ofer
