// Writing safetensors files: streaming, aligned, hashed, whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/dtype.h"
#include "engine/shape.h"
#include "engine/tensor.h"

namespace ofer {

// Writes the bytes [offset, offset + out.size()) of a tensor into `out`. Called with ascending
// offsets until the tensor is whole, once for each piece of at most 1 MiB; offset and size are
// multiples of the element size, and `out` is aligned to 64 bytes.
using TensorFill = std::function<void(std::uint64_t offset, std::span<std::byte> out)>;

struct TensorSource {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  TensorFill fill;
};

// Fills from memory that the caller keeps until the file is written.
TensorFill fill_from(const Tensor& tensor);

// Writes a safetensors file with the tensors in the order given, each starting on a multiple of 64
// bytes, and `metadata` with "sha256" (of the data section, in hexadecimal) added. Holds one piece
// of one tensor in memory at a time. On any error, one thrown by a `fill` included, nothing is left
// behind and an older file at `path` stays as it was.
// Throws kIo, and kBadArgument for a name that comes twice or that the format reserves.
void write_safetensors(const std::filesystem::path& path, const std::vector<TensorSource>& tensors,
                       const std::map<std::string, std::string, std::less<>>& metadata);

}  // namespace ofer
