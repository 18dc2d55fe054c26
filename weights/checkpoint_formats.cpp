// Which format a file is, and the one that needs no interpreter: safetensors.
#include <cstring>
#include <string_view>

#include "engine/error.h"
#include "weights/checkpoint_part.h"
#include "weights/safetensors_header.h"
#include "weights/torch_types.h"

namespace ofer {
namespace {

constexpr std::size_t kLengthBytes = 8;

std::uint64_t header_size(std::span<const std::byte> bytes) {
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data(), kLengthBytes);
  return size;
}

}  // namespace

bool is_numeric(std::string_view dtype_name) {
  for (const TorchType& type : kTorchTypes)
    if (type.name == dtype_name) return type.numeric;
  return false;
}

// A length that the format allows, then a JSON object. No other format's first bytes are such a
// length: a zip's and a pickle's are beyond it, and so is text.
bool is_safetensors(std::span<const std::byte> bytes) {
  return bytes.size() > kLengthBytes && bytes[kLengthBytes] == std::byte{'{'} &&
         header_size(bytes) <= kMaxHeaderBytes;
}

CheckpointPart read_safetensors_part(const CheckpointSource& source) {
  const std::span<const std::byte> bytes = source.bytes();
  OFER_ASSERT(is_safetensors(bytes));
  const std::uint64_t size = header_size(bytes);
  require(size <= bytes.size() - kLengthBytes, ErrorCode::kBadFile, source.name(),
          ": its header is ", size, " bytes long, but only ", bytes.size() - kLengthBytes,
          " bytes are left; the file is cut short");
  const std::size_t data = kLengthBytes + static_cast<std::size_t>(size);
  const std::string_view json(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes,
                              static_cast<std::size_t>(size));
  const SafetensorsHeader header =
      parse_safetensors_header(json, bytes.size() - data, source.name());
  CheckpointPart part;
  part.format = "safetensors";
  for (const SafetensorsEntry& entry : header.entries) {
    if (entry.name.starts_with(kPaddingPrefix)) continue;
    TensorPlace place;
    place.offset = data + entry.begin;
    const auto elements = static_cast<std::uint64_t>(entry.shape.elements());
    place.element_bytes = elements == 0 ? 0 : (entry.end - entry.begin) / elements;
    part.tensors.push_back(
        {entry.name, entry.shape, entry.dtype_name, is_numeric(entry.dtype_name)});
    part.places.push_back(place);
  }
  return part;
}

CheckpointPart read_part(const CheckpointSource& source) {
  const std::span<const std::byte> bytes = source.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  require(!bytes.empty(), ErrorCode::kBadFile, source.name(), ": is empty");
  if (is_safetensors(bytes)) return read_safetensors_part(source);
  if (text.starts_with("PK")) return read_torch_zip(source);
  if (text.starts_with("\x80")) return read_torch_stream(source);
  require(!text.starts_with("version https://git-lfs"), ErrorCode::kBadFile, source.name(),
          ": is a Git LFS pointer, not the file itself; fetch it with git lfs pull");
  fail(
      ErrorCode::kBadFile, source.name(),
      ": is no checkpoint: neither PyTorch's zip or stream, nor safetensors, nor an index of them");
}

}  // namespace ofer
