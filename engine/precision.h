// How precisely a session computes.
#pragma once

#include <cstdint>

#include "engine/dtype.h"

namespace ofer {

// kF32 is strict single precision. kTf32 keeps float tensors, but products, convolutions and
// attention round their operands to 10 bits of mantissa (GPU). kBf16 on a GPU keeps weights and
// activations in bfloat16; sums, softmax and statistics stay in float. On a CPU that has the
// instructions it keeps float tensors, but products and convolutions round their operands to
// bfloat16. kMixed keeps float tensors on a GPU, too, and rounds there the operands of products to
// bfloat16, those of convolutions and attention to tf32: for training, whose weights, gradients and
// moments bfloat16 cannot hold. kF64 is for checking numerics: everything in double, on the CPU.
enum class Precision : std::uint8_t { kF32, kTf32, kBf16, kMixed, kF64 };

inline constexpr Precision kPrecisions[] = {Precision::kF32, Precision::kTf32, Precision::kBf16,
                                            Precision::kMixed, Precision::kF64};

constexpr const char* name_of(Precision precision) {
  switch (precision) {
    case Precision::kF32:
      return "fp32";
    case Precision::kTf32:
      return "tf32";
    case Precision::kBf16:
      return "bf16";
    case Precision::kMixed:
      return "mixed";
    case Precision::kF64:
      return "fp64";
  }
  return "?";
}

// The type that a precision is named for; what a session's tensors are is Backend::dtype.
constexpr DType dtype_of_precision(Precision precision) {
  switch (precision) {
    case Precision::kBf16:
      return DType::kBF16;
    case Precision::kF64:
      return DType::kF64;
    default:
      return DType::kF32;
  }
}

}  // namespace ofer
