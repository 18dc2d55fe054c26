#include "weights/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "engine/error.h"

namespace ofer {
namespace {

std::string reason(int error) {
  return std::system_category().message(error);
}

struct stat status_of(int descriptor, const std::string& name) {
  struct stat status {};
  const int known = ::fstat(descriptor, &status);
  require(known == 0, ErrorCode::kIo, name, ": cannot read its size: ", reason(errno));
  return status;
}

}  // namespace

OpenedFile::OpenedFile(const std::filesystem::path& path) : name_(path.string()) {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  require(descriptor_ >= 0, ErrorCode::kIo, name_, ": cannot open: ", reason(errno));
  try {
    const struct stat status = status_of(descriptor_, name_);
    require(S_ISREG(status.st_mode), ErrorCode::kIo, name_,
            S_ISDIR(status.st_mode) ? ": is a directory, not a file" : ": is not a regular file");
  } catch (...) {
    release();
    throw;
  }
}

OpenedFile::~OpenedFile() {
  release();
}

OpenedFile::OpenedFile(OpenedFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), name_(std::move(other.name_)) {}

OpenedFile& OpenedFile::operator=(OpenedFile&& other) noexcept {
  if (this != &other) {
    release();
    descriptor_ = std::exchange(other.descriptor_, -1);
    name_ = std::move(other.name_);
  }
  return *this;
}

void OpenedFile::release() noexcept {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

std::uint64_t OpenedFile::size() const {
  return static_cast<std::uint64_t>(status_of(descriptor_, name_).st_size);
}

std::size_t OpenedFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  constexpr std::size_t kPiece = std::size_t{1}
                                 << 30;  // the system reads less than 2 GiB at a time
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::pread(descriptor_, out.data() + done, std::min(out.size() - done, kPiece),
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    require(got >= 0, ErrorCode::kIo, name_, ": cannot read: ", reason(errno));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

MappedFile::MappedFile(const std::filesystem::path& path) : MappedFile(OpenedFile(path)) {}

MappedFile::MappedFile(const OpenedFile& file) {
  const std::uint64_t size = file.size();
  require(size <= SIZE_MAX, ErrorCode::kIo, file.name(), ": too large for this machine");
  if (size == 0) return;  // mmap refuses an empty mapping
  void* data =
      ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
  require(data != MAP_FAILED, ErrorCode::kIo, file.name(),
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

void MappedFile::forget(std::span<const std::byte> part) const {
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<std::uintptr_t>(part.data());
  const std::uintptr_t begin = (first + page - 1) / page * page;
  const std::uintptr_t end = (first + part.size()) / page * page;
  // Advice: the mapping is private and never written, so nothing can be lost.
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

void MappedFile::release() noexcept {
  if (data_) ::munmap(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

}  // namespace ofer
