#include "tools/tensor_values.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/half.h"
#include "kernels/bf16.h"

namespace ofer {

namespace {

template <class Element, class Convert>
void read_as(const std::byte* elements, std::span<double> out, Convert convert) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Element element;
    std::memcpy(&element, elements + i * sizeof(Element), sizeof(Element));
    out[i] = convert(element);
  }
}

template <class Element>
void read_as(const std::byte* elements, std::span<double> out) {
  read_as<Element>(elements, out, [](Element e) { return static_cast<double>(e); });
}

}  // namespace

void read_values(const std::byte* elements, DType dtype, std::span<double> out) {
  switch (dtype) {
    case DType::kF64:
      return read_as<double>(elements, out);
    case DType::kF32:
      return read_as<float>(elements, out);
    case DType::kF16:
      return read_as<std::uint16_t>(elements, out, f16_to_float);
    case DType::kBF16:
      return read_as<kernels::BFloat16>(
          elements, out, [](kernels::BFloat16 e) { return static_cast<double>(float{e}); });
    case DType::kI64:
      return read_as<std::int64_t>(elements, out);
    case DType::kI32:
      return read_as<std::int32_t>(elements, out);
    case DType::kU8:
      return read_as<std::uint8_t>(elements, out);
  }
}

void for_values(std::span<const std::byte> elements, DType dtype,
                FunctionRef<void(std::int64_t first, std::span<const double> values)> see) {
  std::array<double, kValuesAtOnce> values;
  const std::size_t count = elements.size() / size_of(dtype);
  for (std::size_t first = 0; first < count; first += values.size()) {
    const std::span<double> piece(values.data(), std::min(values.size(), count - first));
    read_values(elements.data() + first * size_of(dtype), dtype, piece);
    see(static_cast<std::int64_t>(first), piece);
  }
}

Shape index_of(const Shape& shape, std::int64_t number) {
  Shape index = shape;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    index[axis] = number % shape[axis];
    number /= shape[axis];
  }
  return index;
}

std::string index_text(const Shape& shape, std::int64_t number) {
  return index_of(shape, number).to_string();
}

}  // namespace ofer
