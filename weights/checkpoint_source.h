// The bytes of a checkpoint: a mapped file, or memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "engine/buffer.h"
#include "weights/mapped_file.h"

namespace ofer {

// What a file's structure is read from (bytes()) and its tensors' elements (read()). Move-only; any
// number of threads may read it.
class CheckpointSource {
 public:
  // Throws kIo.
  explicit CheckpointSource(const std::filesystem::path& path);
  // Copies `bytes`; `name` stands for the file in errors.
  CheckpointSource(std::span<const std::byte> bytes, std::string name);

  const std::string& name() const { return name_; }
  std::span<const std::byte> bytes() const;

  // Bytes [offset, offset + out.size()), which must lie inside bytes(). Of a file they come through
  // the system's read and not the mapping: gigabytes that are read once do not become memory of
  // this process, and a file that has been cut short since it was opened is an error (kBadFile),
  // not a fault.
  void read(std::uint64_t offset, std::span<std::byte> out) const;

  // Before elements are picked out of bytes() one by one: is the file still as long as it was?
  // Throws kBadFile when it is not. (Cut between this and the picking, it is a fault:
  // mapped_file.h)
  void require_whole() const;

 private:
  std::string name_;
  std::optional<OpenedFile> descriptor_;  // these two, or buffer_
  std::optional<MappedFile> file_;
  Buffer buffer_;
};

}  // namespace ofer
