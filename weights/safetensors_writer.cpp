#include "weights/safetensors_writer.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/buffer.h"
#include "engine/error.h"
#include "engine/atomic_file.h"
#include "weights/safetensors.h"
#include "weights/sha256.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

constexpr std::uint64_t kAlignment = Buffer::kAlignment;
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

const char* file_name_of(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return "F64";
    case DType::kF32:
      return "F32";
    case DType::kF16:
      return "F16";
    case DType::kBF16:
      return "BF16";
    case DType::kI64:
      return "I64";
    case DType::kI32:
      return "I32";
    case DType::kU8:
      return "U8";
  }
  OFER_ASSERT(!"an element type without a name in the file format");
}

std::uint64_t round_up(std::uint64_t size) {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

std::uint64_t bytes_of(const TensorSource& source) {
  const auto count = static_cast<std::uint64_t>(source.shape.elements());
  std::uint64_t bytes = 0;
  // Half the range: so that the sums of the layout cannot overflow either.
  require(!__builtin_mul_overflow(count, size_of(source.dtype), &bytes) && bytes < (1ull << 62),
          ErrorCode::kBadArgument, "tensor ", printable(source.name), " of shape ",
          source.shape.to_string(), " is too large for a file");
  return bytes;
}

// The JSON form of a string, quotes included.
std::string json_string(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::kBadArgument, "text for a weight file is not UTF-8: ", printable(text));
  }
}

void append_entry(std::string& header, const std::string& name, const char* dtype,
                  const Shape& shape, std::uint64_t begin, std::uint64_t end) {
  header +=
      message(",", json_string(name), ":{\"dtype\":\"", dtype, "\",\"shape\":", shape.to_string(),
              ",\"data_offsets\":[", begin, ",", end, "]}");
}

// The header's text, with zeros where the hash will go, and where that is. The hash has a fixed
// length, so the header's size is known before the data is.
struct Header {
  std::string text;
  std::size_t hash_at = 0;
};

Header make_header(const std::vector<TensorSource>& tensors,
                   const std::map<std::string, std::string, std::less<>>& metadata) {
  require(!metadata.contains("sha256"), ErrorCode::kBadArgument,
          "the metadata key sha256 is the writer's own");
  Header header;
  header.text = "{\"__metadata__\":{\"sha256\":\"";
  header.hash_at = header.text.size();
  header.text.append(64, '0').append("\"");
  for (const auto& [key, value] : metadata)
    header.text += message(",", json_string(key), ":", json_string(value));
  header.text += "}";

  std::uint64_t place = 0;
  int paddings = 0;
  std::set<std::string> names;
  for (const TensorSource& source : tensors) {
    require(source.name != "__metadata__" && !source.name.starts_with(kPaddingPrefix) &&
                names.insert(source.name).second,
            ErrorCode::kBadArgument, "tensor name ", printable(source.name),
            " comes twice or is reserved");
    const std::uint64_t begin = round_up(place);
    if (begin > place)
      append_entry(header.text, message(kPaddingPrefix, paddings++, "__"), "U8",
                   {static_cast<std::int64_t>(begin - place)}, place, begin);
    const std::uint64_t bytes = bytes_of(source);
    require(bytes < (1ull << 62) - begin, ErrorCode::kBadArgument,
            "the tensors are too large for a file together");
    place = begin + bytes;
    append_entry(header.text, source.name, file_name_of(source.dtype), source.shape, begin, place);
  }
  header.text += "}";
  header.text.resize(round_up(8 + header.text.size()) - 8, ' ');
  require(header.text.size() <= kMaxHeaderBytes, ErrorCode::kBadArgument,
          "the names and metadata are too long for a safetensors header");
  return header;
}

}  // namespace

TensorFill fill_from(const Tensor& tensor) {
  require(tensor.device().host_accessible(), ErrorCode::kBadArgument, "a tensor on ",
          name_of(tensor.device().kind), " cannot be written; copy it to the host");
  return [tensor](std::uint64_t offset, std::span<std::byte> out) {
    OFER_ASSERT(offset + out.size() <= tensor.bytes());
    std::memcpy(out.data(), static_cast<const std::byte*>(tensor.raw()) + offset, out.size());
  };
}

void write_safetensors(const std::filesystem::path& path, const std::vector<TensorSource>& tensors,
                       const std::map<std::string, std::string, std::less<>>& metadata) {
  const Header header = make_header(tensors, metadata);
  const std::uint64_t header_size = header.text.size();
  AtomicFile file(path);
  file.write(&header_size, sizeof header_size);
  file.write(header.text.data(), header.text.size());

  Sha256 hash;
  const auto append = [&](const void* bytes, std::size_t size) {
    hash.update(bytes, size);
    file.write(bytes, size);
  };
  constexpr std::byte kZeros[kAlignment] = {};
  Buffer piece(kPieceBytes);
  std::uint64_t place = 0;
  for (const TensorSource& source : tensors) {
    const std::uint64_t begin = round_up(place);
    append(kZeros, static_cast<std::size_t>(begin - place));
    const std::uint64_t bytes = bytes_of(source);
    for (std::uint64_t offset = 0; offset < bytes; offset += kPieceBytes) {
      const auto size =
          static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, bytes - offset));
      source.fill(offset, {static_cast<std::byte*>(piece.data()), size});
      append(piece.data(), size);
    }
    place = begin + bytes;
  }
  const std::string digest = hash.finish();
  file.write_at(sizeof header_size + header.hash_at, digest.data(), digest.size());
  file.commit();
}

}  // namespace ofer
