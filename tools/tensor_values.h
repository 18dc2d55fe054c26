// The numbers of a file's tensor as doubles, whatever their type and wherever they start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/dtype.h"
#include "engine/function_ref.h"
#include "engine/shape.h"

namespace ofer {

// Reads out.size() elements of `dtype` from memory of any alignment. Exact, but for integers beyond
// 2^53, which round.
void read_values(const std::byte* elements, DType dtype, std::span<double> out);

// Hands on all elements in order, in pieces that fit on the stack; `first` is the number of a
// piece's first element.
void for_values(std::span<const std::byte> elements, DType dtype,
                FunctionRef<void(std::int64_t first, std::span<const double> values)> see);

// How many numbers for_values hands on at once.
inline constexpr std::size_t kValuesAtOnce = 1024;

// Element `number` of a tensor of this shape in row-major order, as "[0, 3, 5]".
std::string index_text(const Shape& shape, std::int64_t number);

// The same as a list, which a Shape can hold.
Shape index_of(const Shape& shape, std::int64_t number);

}  // namespace ofer
