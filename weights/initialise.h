// The numbers that an untrained model starts with.
#pragma once

#include <cstdint>

#include "weights/safetensors_writer.h"
#include "weights/tensor_table.h"

namespace ofer {

// Fills the tensor by its rule, in float32. Element i depends on the seed, the tensor's name and i,
// and on nothing else: not on the order of the tensors, the size of the pieces, or what other
// tensors a model has. Any number of threads may fill at once.
//
// Random numbers come from integer arithmetic and one multiplication, so they have the same bits
// on every machine. Sine and cosine of the positions come from the C library in double and are
// rounded to float, so two libraries may differ in the last bit of one number in many millions.
TensorFill initial_values(const TensorSpec& spec, std::uint64_t seed);

}  // namespace ofer
