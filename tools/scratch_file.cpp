#include "tools/scratch_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "engine/error.h"

namespace ofer {

ScratchFile::ScratchFile(const std::filesystem::path& folder) : folder_(folder) {
  std::string path = (folder / ".ofer-scratch-XXXXXX").string();
  descriptor_ = ::mkostemp(path.data(), O_CLOEXEC);
  require(descriptor_ >= 0, ErrorCode::kIo, folder.string(),
          ": cannot write in this folder: ", std::generic_category().message(errno));
  ::unlink(path.c_str());
}

ScratchFile::~ScratchFile() {
  ::close(descriptor_);
}

void ScratchFile::append(const void* data, std::size_t size) {
  const char* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::pwrite(descriptor_, bytes, size, static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    require(written > 0, ErrorCode::kIo, folder_.string(),
            ": cannot write a temporary file: ", std::generic_category().message(errno));
    bytes += written;
    size -= static_cast<std::size_t>(written);
    size_ += static_cast<std::uint64_t>(written);
  }
}

void ScratchFile::read(std::uint64_t offset, void* data, std::size_t size) const {
  OFER_ASSERT(offset <= size_ && size <= size_ - offset);
  char* bytes = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::pread(descriptor_, bytes, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    require(got > 0, ErrorCode::kIo, folder_.string(), ": cannot read a temporary file: ",
            got < 0 ? std::generic_category().message(errno) : "it has become shorter");
    bytes += got;
    size -= static_cast<std::size_t>(got);
    offset += static_cast<std::uint64_t>(got);
  }
}

}  // namespace ofer
