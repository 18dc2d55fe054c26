// Files that are either written whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace ofer {

// Writes `bytes` to a temporary file of a unique name in the same folder, has the system put it on
// disk, and renames it to `path`: who reads `path` sees the old content or the new, never a part.
// An existing file is replaced (through a symbolic link: the file it points to). What is no
// regular file, such as /dev/null or a pipe, is written directly. On failure the temporary file is
// removed and kIo is thrown with path and cause. May be called from several threads.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::uint8_t> bytes);

}  // namespace ofer
