// Zip archives made byte by byte, so that each of their statements can be made false.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace ofer::test {

// The bytes of a number, little-endian.
template <class T>
std::string le(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

struct ZipHeader {
  std::uint16_t flags = 0, method = 0;
  std::uint32_t checksum = 0, stored_size = 0, size = 0;
  std::string name, extra;

  std::string bytes() const {  // what local and central headers have in common
    return le(flags) + le(method) + std::string(4, '\0') + le(checksum) + le(stored_size) +
           le(size) + le(static_cast<std::uint16_t>(name.size())) +
           le(static_cast<std::uint16_t>(extra.size()));
  }
};

struct ZipItem {
  ZipHeader local, central;
  std::string content;
  std::uint32_t offset = 0;  // of the local header, set by lay_out
  std::uint16_t disk = 0;

  ZipItem(std::string name, std::string bytes) : content(std::move(bytes)) {
    local.name = std::move(name);
    local.size = local.stored_size = static_cast<std::uint32_t>(content.size());
    central = local;
  }
};

struct ZipEnd {
  std::uint16_t disk = 0, entries_here = 0, entries = 0;
  std::uint32_t size = 0, offset = 0;
  std::string before;  // between the directory and the end record
  std::string comment;
};

struct ZipBuilder {
  std::vector<ZipItem> items;
  ZipEnd end;

  // Sets places and sums, as they should be.
  ZipBuilder& lay_out() {
    std::size_t at = 0;
    end.size = 0;
    for (ZipItem& item : items) {
      item.offset = static_cast<std::uint32_t>(at);
      at += 30 + item.local.name.size() + item.local.extra.size() + item.content.size();
      end.size +=
          static_cast<std::uint32_t>(46 + item.central.name.size() + item.central.extra.size());
    }
    end.offset = static_cast<std::uint32_t>(at);
    end.entries = end.entries_here = static_cast<std::uint16_t>(items.size());
    return *this;
  }

  std::string contents() const {
    std::string bytes;
    for (const ZipItem& item : items)
      bytes += le(0x04034b50u) + std::string(2, '\0') + item.local.bytes() + item.local.name +
               item.local.extra + item.content;
    return bytes;
  }
  std::string directory() const {
    std::string bytes;
    for (const ZipItem& item : items)
      bytes += le(0x02014b50u) + std::string(4, '\0') + item.central.bytes() +
               std::string(2, '\0') + le(item.disk) + std::string(6, '\0') + le(item.offset) +
               item.central.name + item.central.extra;
    return bytes;
  }
  std::string end_record() const {
    return le(0x06054b50u) + le(end.disk) + le(std::uint16_t{0}) + le(end.entries_here) +
           le(end.entries) + le(end.size) + le(end.offset) +
           le(static_cast<std::uint16_t>(end.comment.size())) + end.comment;
  }
  std::string bytes() const { return contents() + directory() + end.before + end_record(); }
};

// Sound, with these files.
inline ZipBuilder zip_of(const std::vector<std::pair<std::string, std::string>>& files) {
  ZipBuilder builder;
  for (const auto& [name, content] : files) builder.items.emplace_back(name, content);
  return builder.lay_out();
}

// The 64-bit end record and its locator.
inline std::string end64(std::uint64_t entries, std::uint64_t size, std::uint64_t offset,
                         std::uint64_t place) {
  return le(0x06064b50u) + le(std::uint64_t{44}) + std::string(4, '\0') + le(0u) + le(0u) +
         le(entries) + le(entries) + le(size) + le(offset) + le(0x07064b50u) + le(0u) + le(place) +
         le(1u);
}

}  // namespace ofer::test
