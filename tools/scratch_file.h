// A temporary file without a name: it is gone when the program is, however that ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace ofer {

// Lies on the disk of a given folder. Neither copied nor moved; one thread at a time.
class ScratchFile {
 public:
  // Throws kIo, naming the folder and the cause, when nothing can be written there; so making one
  // is also the way to find that out.
  explicit ScratchFile(const std::filesystem::path& folder);
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  std::uint64_t size() const { return size_; }
  // Throws kIo, as on a full disk.
  void append(const void* data, std::size_t size);
  // Reads [offset, offset + size), which must have been written.
  void read(std::uint64_t offset, void* data, std::size_t size) const;
  // Forgets everything from `size` on; the next append goes there.
  void shrink(std::uint64_t size) { size_ = size; }

 private:
  std::filesystem::path folder_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace ofer
