#include "engine/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>

#include "engine/error.h"

namespace ofer {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void cannot_write(const fs::path& path, int error) {
  fail(ErrorCode::kIo, path.string(), ": cannot write: ", std::generic_category().message(error));
}

// Owns a descriptor, so that no way out leaves it open.
struct Descriptor {
  int value;
  explicit Descriptor(int descriptor) : value(descriptor) {}
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

// Removes the temporary file unless it has got its final name.
struct Leftover {
  std::string path;
  bool armed = true;
  ~Leftover() {
    if (armed) ::unlink(path.c_str());
  }
};

void write_all(int descriptor, std::span<const std::uint8_t> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    // Some systems refuse a single write of 2 GiB and more.
    const ssize_t written =
        ::write(descriptor, bytes.data(), std::min<std::size_t>(bytes.size(), 1u << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) cannot_write(path, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

}  // namespace

void write_file_atomically(const fs::path& path, std::span<const std::uint8_t> bytes) {
  require(!path.empty(), ErrorCode::kBadArgument, "cannot write a file without a name");
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::is_directory(status)) cannot_write(path, EISDIR);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    const Descriptor out(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (out.value < 0) cannot_write(path, errno);
    write_all(out.value, bytes, path);
    return;
  }
  const fs::path target = fs::is_regular_file(status) ? fs::canonical(path, ignored) : path;

  // The process and a count make the name unique on this machine; O_EXCL makes sure of it.
  static std::atomic<unsigned> count{0};
  std::string temporary;
  int descriptor = -1;
  do {
    temporary = (target.empty() ? path : target).string() + "." + std::to_string(::getpid()) + "-" +
                std::to_string(count++) + ".tmp";
    descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor < 0 && errno == EEXIST);
  const Descriptor out(descriptor);
  if (out.value < 0) cannot_write(path, errno);
  Leftover leftover{temporary};
  write_all(out.value, bytes, path);
  if (::fsync(out.value) != 0) cannot_write(path, errno);
  if (::rename(temporary.c_str(), (target.empty() ? path : target).c_str()) != 0)
    cannot_write(path, errno);
  leftover.armed = false;
}

}  // namespace ofer
