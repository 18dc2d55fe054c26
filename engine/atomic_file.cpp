#include "engine/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "engine/error.h"

namespace ofer {
namespace {

std::string reason(int error) {
  return std::system_category().message(error);
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.parent_path();
  return folder.empty() ? std::filesystem::path(".") : folder;
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  require(path_.has_filename(), ErrorCode::kIo, "\"", path_.string(), "\" is not a file name");
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0) {
    require(S_ISREG(status.st_mode), ErrorCode::kIo, path_.string(),
            S_ISDIR(status.st_mode) ? ": is a directory, not a file" : ": is not a regular file");
    // Behind a symbolic link the file that it points to is replaced, not the link.
    std::error_code ignored;
    const std::filesystem::path target = std::filesystem::canonical(path_, ignored);
    if (!ignored) path_ = target;
  }
  // O_EXCL: a name that exists belongs to another writer, or to one that was killed; take the next.
  // The mode leaves the permissions to the caller's umask, which mkstemp would not.
  const std::string stem = ".ofer-" + std::to_string(::getpid()) + "-";
  for (int attempt = 0; attempt < 1000 && fd_ < 0; ++attempt) {
    temporary_ = folder_of(path_) / (stem + std::to_string(attempt) + ".tmp");
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0 && errno != EEXIST) break;
  }
  require(fd_ >= 0, ErrorCode::kIo, path_.string(),
          ": cannot write: ", reason(errno));
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, std::size_t size) {
  write_at(size_, data, size);
  size_ += size;
}

void AtomicFile::write_at(std::uint64_t offset, const void* data, std::size_t size) {
  OFER_ASSERT(fd_ >= 0);
  const char* bytes = static_cast<const char*>(data);
  while (size > 0) {
    // Linux writes at most 2 GiB less a page at once; ask for pieces well below.
    const std::size_t piece = std::min<std::size_t>(size, std::size_t{1} << 28);
    const ssize_t written = ::pwrite(fd_, bytes, piece, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    require(written > 0, ErrorCode::kIo, path_.string(),
            ": cannot write: ", reason(written < 0 ? errno : ENOSPC));
    bytes += written;
    offset += static_cast<std::uint64_t>(written);
    size -= static_cast<std::size_t>(written);
  }
}

void AtomicFile::commit() {
  OFER_ASSERT(fd_ >= 0);
  const int flushed = ::fsync(fd_);
  require(flushed == 0, ErrorCode::kIo, path_.string(),
          ": cannot flush to the disk: ", reason(errno));
  const int closed = ::close(std::exchange(fd_, -1));
  require(closed == 0, ErrorCode::kIo, path_.string(), ": cannot write: ", reason(errno));
  const int renamed = ::rename(temporary_.c_str(), path_.c_str());
  require(renamed == 0, ErrorCode::kIo, path_.string(),
          ": cannot put the finished file in its place: ", reason(errno));
  temporary_.clear();
  // Makes the rename itself durable. Some file systems cannot sync a folder; the file is whole
  // either way, so a refusal is no error.
  const int folder = ::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
}

void write_file_atomically(const std::filesystem::path& path,
                           std::span<const std::uint8_t> bytes) {
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  const bool device = std::filesystem::exists(status) &&
                      !std::filesystem::is_regular_file(status) &&
                      !std::filesystem::is_directory(status);
  if (!device) {
    AtomicFile file(path);
    file.write(bytes.data(), bytes.size());
    file.commit();
    return;
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  require(fd >= 0, ErrorCode::kIo, path.string(), ": cannot write: ", reason(errno));
  int error = 0;
  while (!bytes.empty() && error == 0) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written > 0)
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    else if (errno != EINTR)
      error = errno;
  }
  ::close(fd);
  require(error == 0, ErrorCode::kIo, path.string(), ": cannot write: ", reason(error));
}

}  // namespace ofer
