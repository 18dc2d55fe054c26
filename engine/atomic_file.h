// Writing a file so that it is there whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace ofer {

// Bytes go to a temporary file beside the target; commit() makes it durable and renames it over
// the target in one step. Without commit() (an exception on the way) the temporary file is removed
// and whatever was at the target before is untouched. One thread at a time.
class AtomicFile {
 public:
  // Throws kIo when the folder cannot be written, or when something that is not a regular file is
  // at `path`.
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();

  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Appends. Throws kIo, as on a full disk.
  void write(const void* data, std::size_t size);

  // Overwrites bytes that were written before. Throws kIo.
  void write_at(std::uint64_t offset, const void* data, std::size_t size);

  // Flushes to the disk and renames. Throws kIo; no write may follow.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

// The same for bytes that are all there. What is no regular file, such as /dev/null or a pipe, is
// written directly. Throws kIo with path and cause. May be called from several threads.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::uint8_t> bytes);

}  // namespace ofer
