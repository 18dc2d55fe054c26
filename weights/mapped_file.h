// A file mapped into memory for reading.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace ofer {

// Move-only owner of a read-only, private mapping of a whole regular file. Pages are read from the
// disk when they are first touched and stay the system's: they count as cache, not as memory of
// this process. Any number of threads may read it.
//
// A file that is replaced by renaming (as AtomicFile does) leaves the mapping whole. A file that
// is cut short in place while it is mapped takes its pages away, and touching them faults
// (SIGBUS); no program that maps files can prevent that.
class MappedFile {
 public:
  // Throws kIo when the path cannot be opened or is not a regular file.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  void release() noexcept;

  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ofer
