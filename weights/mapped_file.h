// Files that are read: opened, and mapped into memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace ofer {

// Move-only owner of a descriptor of a regular file, open for reading. Any number of threads may
// use it.
class OpenedFile {
 public:
  // Throws kIo when the path cannot be opened or is not a regular file.
  explicit OpenedFile(const std::filesystem::path& path);
  ~OpenedFile();

  OpenedFile(OpenedFile&& other) noexcept;
  OpenedFile& operator=(OpenedFile&& other) noexcept;
  OpenedFile(const OpenedFile&) = delete;
  OpenedFile& operator=(const OpenedFile&) = delete;

  int descriptor() const { return descriptor_; }
  const std::string& name() const { return name_; }

  // Of the file as it is now, in bytes. Throws kIo.
  std::uint64_t size() const;

  // Reads from byte `offset` on into `out`; fewer bytes than asked for only at the file's end.
  // Returns their number. Throws kIo.
  std::size_t read(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  void release() noexcept;

  int descriptor_ = -1;
  std::string name_;
};

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
  // Maps a file that is open; it may be closed before the mapping goes. Throws kIo.
  explicit MappedFile(const OpenedFile& file);
  ~MappedFile();

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

  // Says that a part of bytes() has been read: its whole pages need not stay in memory. They are
  // read from the disk again should somebody touch them.
  void forget(std::span<const std::byte> part) const;

 private:
  void release() noexcept;

  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ofer
