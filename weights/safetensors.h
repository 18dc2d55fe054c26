// Reading safetensors files: tensors of other programs and of this one, mapped without copying.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/buffer.h"
#include "engine/dtype.h"
#include "engine/shape.h"
#include "engine/tensor.h"
#include "weights/mapped_file.h"

namespace ofer {

// One tensor of a safetensors file.
struct SafetensorsEntry {
  std::string name;
  std::string_view dtype_name;  // as in the file: "F32", "BF16", "BOOL", ...
  std::optional<DType> dtype;   // empty for the types that the engine has no tensors of
  Shape shape;
  std::uint64_t begin = 0;  // bytes [begin, end) of the data section
  std::uint64_t end = 0;
};

// An opened safetensors file. Everything that its header says has been checked (see the grammar in
// the reader) before an object exists; the tensors' values are not looked at.
//
// Move-only; views into it are valid as long as it lives, moving included. Any number of threads
// may read it.
class SafetensorsFile {
 public:
  // Throws kIo when the file cannot be read, kBadFile when it is not a valid safetensors file.
  static SafetensorsFile open(const std::filesystem::path& path);

  // The same from memory: copied, handed over, or lent, which must then stay as it is for as long
  // as anything of the file is used. `name` stands for the file name in errors.
  static SafetensorsFile from_bytes(std::span<const std::byte> bytes, std::string name);
  static SafetensorsFile from_buffer(Buffer bytes, std::string name);
  static SafetensorsFile borrow(std::span<const std::byte> bytes, std::string name);

  // File name, for messages.
  const std::string& name() const { return name_; }

  // In the order of the data. Padding (names that begin with `__padding`) is not listed.
  const std::vector<SafetensorsEntry>& entries() const { return entries_; }

  // Null when there is no such tensor.
  const SafetensorsEntry* find(std::string_view name) const;

  const std::map<std::string, std::string, std::less<>>& metadata() const { return metadata_; }

  // Everything behind the header, padding included.
  std::span<const std::byte> data() const;

  // The bytes of one tensor.
  std::span<const std::byte> bytes(const SafetensorsEntry& entry) const;

  // Says that the bytes of one tensor have been read and need not stay in memory; they may be read
  // again.
  void forget(const SafetensorsEntry& entry) const;

  // Does the tensor start on a multiple of `alignment` bytes in memory?
  bool aligned(const SafetensorsEntry& entry, std::size_t alignment) const;

  // A view of one tensor. Read-only memory: writing through it is a fault. Throws kUnsupported
  // when the engine has no such element type, or when the file does not align it to its elements.
  Tensor tensor(const SafetensorsEntry& entry) const;

 private:
  SafetensorsFile(std::string name, MappedFile file);
  SafetensorsFile(std::string name, Buffer buffer);
  SafetensorsFile(std::string name, std::span<const std::byte> lent);
  std::span<const std::byte> content() const;
  void parse();

  std::string name_;
  std::optional<MappedFile> file_;  // one of these three holds the content
  Buffer buffer_;
  std::span<const std::byte> lent_;
  std::size_t data_offset_ = 0;
  std::vector<SafetensorsEntry> entries_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::map<std::string, std::string, std::less<>> metadata_;
};

// Name prefix of the tensors that only fill holes.
inline constexpr std::string_view kPaddingPrefix = "__padding";

// The headers of larger files are refused (the limit that the format's own library has).
inline constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

}  // namespace ofer
