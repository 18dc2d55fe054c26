// Doubles as the elements of a weight file. Private to the converter.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "weights/safetensors_writer.h"

namespace ofer {

// Gives elements [first, first + out.size()) of a tensor.
using NumberReader = std::function<void(std::int64_t first, std::span<double> out)>;

// Fills a tensor of `dtype` (f32, f16, bf16) with what `read` gives: rounded to float, and from
// there to the type, each to nearest, ties to even. Throws kBadFile, with the tensor's name, for a
// number that the type cannot hold.
TensorFill numbers_as(DType dtype, std::string name, NumberReader read);

}  // namespace ofer
