// The format, as it is read here:
//
//   file      = length header data
//   length    = 8 bytes, unsigned, little-endian: the size of `header`, at most 100,000,000
//   header    = one JSON object in UTF-8, starting with "{", white space allowed behind it
//   object    = { ["__metadata__": { (key: string)* },] (name: entry)* }, no name twice
//   entry     = { "dtype": type, "shape": [n, ...], "data_offsets": [begin, end] }
//   type      = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "U8" | "BOOL" | "I8" | "I16" |
//               "U16" | "U32" | "U64" | "F8_E4M3" | "F8_E5M2"
//   shape     = at most 6 whole numbers (the format sets no limit; tensors here have one);
//               [] is a single number
//   data      = the tensors' elements, row-major, little-endian; [begin, end) counts from the start
//               of data. The tensors cover all of it: no gap, no overlap.
//
// What this program writes follows further rules that any reader may ignore: tensors start on
// 64-byte boundaries of the file, the holes between them are U8 tensors named __padding{k}__, and
// __metadata__ carries "sha256", the hash of data.
#include "weights/safetensors.h"

#include <bit>
#include <cstring>
#include <utility>

#include "engine/error.h"
#include "weights/safetensors_header.h"
#include "weights/strict_json.h"

namespace ofer {

static_assert(std::endian::native == std::endian::little,
              "weight files are little-endian and are mapped as they are");

SafetensorsFile::SafetensorsFile(std::string name, MappedFile file)
    : name_(std::move(name)), file_(std::move(file)) {
  parse();
}

SafetensorsFile::SafetensorsFile(std::string name, Buffer buffer)
    : name_(std::move(name)), buffer_(std::move(buffer)) {
  parse();
}

SafetensorsFile::SafetensorsFile(std::string name, std::span<const std::byte> lent)
    : name_(std::move(name)), lent_(lent) {
  parse();
}
SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  return SafetensorsFile(path.string(), MappedFile(path));
}

SafetensorsFile SafetensorsFile::from_bytes(std::span<const std::byte> bytes, std::string name) {
  Buffer buffer(bytes.size());
  if (!bytes.empty()) std::memcpy(buffer.data(), bytes.data(), bytes.size());
  return from_buffer(std::move(buffer), std::move(name));
}

SafetensorsFile SafetensorsFile::from_buffer(Buffer bytes, std::string name) {
  return SafetensorsFile(std::move(name), std::move(bytes));
}

SafetensorsFile SafetensorsFile::borrow(std::span<const std::byte> bytes, std::string name) {
  return SafetensorsFile(std::move(name), bytes);
}

std::span<const std::byte> SafetensorsFile::content() const {
  if (file_) return file_->bytes();
  if (lent_.data()) return lent_;
  return {static_cast<const std::byte*>(buffer_.data()), buffer_.size()};
}

void SafetensorsFile::parse() {
  const std::span<const std::byte> all = content();
  require(all.size() >= 8, ErrorCode::kBadFile, name_, ": not a safetensors file (only ",
          all.size(), " bytes long)");
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, all.data(), 8);
  require(header_size <= kMaxHeaderBytes, ErrorCode::kBadFile, name_,
          ": not a safetensors file (its header would be ", header_size, " bytes long)");
  require(header_size <= all.size() - 8, ErrorCode::kBadFile, name_, ": its header is ",
          header_size, " bytes long, but only ", all.size() - 8,
          " bytes are left; the file is cut short or is no safetensors file");
  const std::string_view json(reinterpret_cast<const char*>(all.data()) + 8,
                              static_cast<std::size_t>(header_size));
  data_offset_ = 8 + static_cast<std::size_t>(header_size);
  SafetensorsHeader header = parse_safetensors_header(json, all.size() - data_offset_, name_);
  metadata_ = std::move(header.metadata);
  for (SafetensorsEntry& entry : header.entries) {
    if (entry.name.starts_with(kPaddingPrefix)) continue;
    index_.emplace(entry.name, entries_.size());
    entries_.push_back(std::move(entry));
  }
}

const SafetensorsEntry* SafetensorsFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

std::span<const std::byte> SafetensorsFile::data() const {
  return content().subspan(data_offset_);
}

std::span<const std::byte> SafetensorsFile::bytes(const SafetensorsEntry& entry) const {
  return data().subspan(static_cast<std::size_t>(entry.begin),
                        static_cast<std::size_t>(entry.end - entry.begin));
}

void SafetensorsFile::forget(const SafetensorsEntry& entry) const {
  if (file_) file_->forget(bytes(entry));
}

bool SafetensorsFile::aligned(const SafetensorsEntry& entry, std::size_t alignment) const {
  return reinterpret_cast<std::uintptr_t>(bytes(entry).data()) % alignment == 0;
}

Tensor SafetensorsFile::tensor(const SafetensorsEntry& entry) const {
  require(entry.dtype.has_value(), ErrorCode::kUnsupported, name_, ": tensor ",
          printable(entry.name), " has elements of type ", entry.dtype_name,
          ", which this engine does not compute with");
  if (entry.begin == entry.end) return Tensor(nullptr, entry.shape, *entry.dtype);
  require(aligned(entry, size_of(*entry.dtype)), ErrorCode::kUnsupported, name_, ": tensor ",
          printable(entry.name), " does not start on a multiple of its element size");
  // Tensor has one kind of pointer; the class comment says that this memory is read-only.
  return Tensor(const_cast<std::byte*>(bytes(entry).data()), entry.shape, *entry.dtype);
}

}  // namespace ofer
