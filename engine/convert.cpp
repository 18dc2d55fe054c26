#include "engine/convert.h"

#include <algorithm>
#include <cstring>

#include "engine/error.h"
#include "kernels/bf16.h"

namespace ofer {

namespace {

template <class To, class From>
void convert(const From* from, std::size_t count, To* to) {
  std::transform(from, from + count, to, [](From value) { return static_cast<To>(value); });
}

}  // namespace

const void* from_floats(std::span<const float> values, DType dtype, std::vector<std::byte>& out) {
  if (dtype == DType::kF32) return values.data();
  out.resize(values.size() * size_of(dtype));
  from_floats(values, dtype, out.data());
  return out.data();
}

void from_floats(std::span<const float> values, DType dtype, void* out) {
  if (dtype == DType::kF32)
    std::memcpy(out, values.data(), values.size_bytes());
  else if (dtype == DType::kF64)
    convert(values.data(), values.size(), static_cast<double*>(out));
  else if (dtype == DType::kBF16)
    convert(values.data(), values.size(), static_cast<kernels::BFloat16*>(out));
  else
    fail(ErrorCode::kInternal, "floats to ", name_of(dtype));
}

void to_floats(const void* elements, DType dtype, std::span<float> values) {
  if (dtype == DType::kF32)
    std::memcpy(values.data(), elements, values.size_bytes());
  else if (dtype == DType::kF64)
    convert(static_cast<const double*>(elements), values.size(), values.data());
  else if (dtype == DType::kBF16)
    convert(static_cast<const kernels::BFloat16*>(elements), values.size(), values.data());
  else
    fail(ErrorCode::kInternal, name_of(dtype), " to floats");
}

}  // namespace ofer
