// Reading zip archives whose entries are stored as they are, the way torch.save writes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ofer {

struct ZipEntry {
  std::string_view name;     // in the archive's own bytes
  std::uint64_t offset = 0;  // of its content in the archive
  std::uint64_t size = 0;    // of its content, in bytes
};

// The files of an archive, by name. Nothing of their content is read or copied; views and names
// point into the bytes that the archive was read from.
//
// Everything a directory says is checked before an object exists, against the file's size, against
// each entry's own header, and against the other entries: contents lie between the file's start and
// the directory and share no byte, so together they are never larger than the file. Checksums
// are not looked at (torch can be told not to write them).
class ZipArchive {
 public:
  // Throws kBadFile, one line that begins with `file`.
  ZipArchive(std::span<const std::byte> bytes, const std::string& file);

  // In the directory's order; folders are left out.
  const std::vector<ZipEntry>& entries() const { return entries_; }
  // Null when there is none.
  const ZipEntry* find(std::string_view name) const;
  std::span<const std::byte> content(const ZipEntry& entry) const {
    return bytes_.subspan(static_cast<std::size_t>(entry.offset),
                          static_cast<std::size_t>(entry.size));
  }

 private:
  std::span<const std::byte> bytes_;
  std::vector<ZipEntry> entries_;
  std::vector<std::uint32_t> by_name_;  // positions in entries_, sorted
};

}  // namespace ofer
