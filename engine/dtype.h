// Element types of tensors and of weight files.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/bf16.h"

namespace ofer {

enum class DType : std::uint8_t { kF32, kF64, kF16, kBF16, kI64, kI32, kU8 };

constexpr std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kI64: return 8;
    case DType::kF32:
    case DType::kI32: return 4;
    case DType::kF16:
    case DType::kBF16: return 2;
    case DType::kU8: return 1;
  }
  return 0;
}

constexpr const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::kF64: return "f64";
    case DType::kF32: return "f32";
    case DType::kF16: return "f16";
    case DType::kBF16: return "bf16";
    case DType::kI64: return "i64";
    case DType::kI32: return "i32";
    case DType::kU8: return "u8";
  }
  return "?";
}

// Of the statistics that a forward pass keeps for tensors of `dtype` (kernels/wide.h).
constexpr DType wide(DType dtype) {
  return dtype == DType::kBF16 ? DType::kF32 : dtype;
}

template <class T>
struct dtype_of;
template <> struct dtype_of<float> { static constexpr DType value = DType::kF32; };
template <> struct dtype_of<double> { static constexpr DType value = DType::kF64; };
template <> struct dtype_of<kernels::BFloat16> { static constexpr DType value = DType::kBF16; };
template <> struct dtype_of<std::int64_t> { static constexpr DType value = DType::kI64; };
template <> struct dtype_of<std::int32_t> { static constexpr DType value = DType::kI32; };
template <> struct dtype_of<std::uint8_t> { static constexpr DType value = DType::kU8; };

}  // namespace ofer
