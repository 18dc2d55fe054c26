// Element types by PyTorch's names.
#pragma once

#include <cstdint>
#include <string_view>

namespace ofer {

struct TorchType {
  std::string_view dtype;    // torch.float32
  std::string_view storage;  // torch.FloatStorage
  std::string_view name;     // "F32", as in safetensors
  std::uint64_t bytes;
  bool numeric;  // a floating type that Checkpoint::read converts
};

inline constexpr TorchType kTorchTypes[] = {
    {"float64", "DoubleStorage", "F64", 8, true},
    {"float32", "FloatStorage", "F32", 4, true},
    {"float16", "HalfStorage", "F16", 2, true},
    {"bfloat16", "BFloat16Storage", "BF16", 2, true},
    {"int64", "LongStorage", "I64", 8, false},
    {"int32", "IntStorage", "I32", 4, false},
    {"int16", "ShortStorage", "I16", 2, false},
    {"int8", "CharStorage", "I8", 1, false},
    {"uint8", "ByteStorage", "U8", 1, false},
    {"bool", "BoolStorage", "BOOL", 1, false},
    {"complex64", "ComplexFloatStorage", "C64", 8, false},
    {"complex128", "ComplexDoubleStorage", "C128", 16, false},
};

}  // namespace ofer
