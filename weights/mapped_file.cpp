#include "weights/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "engine/error.h"

namespace ofer {
namespace {

std::string reason(int error) {
  return std::system_category().message(error);
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  require(file.fd >= 0, ErrorCode::kIo, path.string(), ": cannot open: ", reason(errno));
  struct stat status {};
  const int known = ::fstat(file.fd, &status);
  require(known == 0, ErrorCode::kIo, path.string(), ": cannot read its size: ", reason(errno));
  require(S_ISREG(status.st_mode), ErrorCode::kIo, path.string(),
          S_ISDIR(status.st_mode) ? ": is a directory, not a file" : ": is not a regular file");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  require(size <= SIZE_MAX, ErrorCode::kIo, path.string(), ": too large for this machine");
  if (size == 0) return;  // mmap refuses an empty mapping
  void* data = ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ, MAP_PRIVATE, file.fd, 0);
  require(data != MAP_FAILED, ErrorCode::kIo, path.string(),
          ": cannot map into memory: ", reason(errno));
  data_ = data;
  size_ = static_cast<std::size_t>(size);
}

MappedFile::~MappedFile() {
  release();
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    release();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

void MappedFile::release() noexcept {
  if (data_) ::munmap(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

}  // namespace ofer
