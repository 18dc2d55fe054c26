// The format (PKWARE's APPNOTE), as far as it is read here; all numbers little-endian:
//
//   file      = (local content [descriptor])* directory [end64 locator64] end
//   local     = 30 bytes, name, extra      directory = (46 bytes, name, extra, comment)*
//   extra     = (tag, size, bytes)*; tag 1 holds, in this order, those of {size, stored size, place
//   of
//               the local header, disk} that the header gives as all ones
//   end       = 22 bytes, comment: number of entries, size and place of the directory
//   end64     = the same with 64-bit numbers; torch writes it into every file
#include "weights/zip.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "engine/error.h"
#include "weights/file_text.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50,
                        kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr std::uint64_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22, kEnd64Bytes = 56,
                        kLocatorBytes = 20, kMaxComment = 0xffff;
constexpr std::uint16_t kAll16 = 0xffff;
constexpr std::uint32_t kAll32 = 0xffffffff;
constexpr std::uint16_t kEncrypted = 1, kSizesFollow = 8, kStrongEncrypted = 0x40, kMasked = 0x2000;
constexpr std::uint16_t kStored = 0;
constexpr std::uint32_t kMaxEntries = 1u << 22;

// Bytes of which every look is checked by the caller's bounds.
class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t size() const { return bytes_.size(); }
  bool holds(std::uint64_t at, std::uint64_t count) const {
    return at <= size() && count <= size() - at;
  }
  std::uint16_t u16(std::uint64_t at) const { return number<std::uint16_t>(at); }
  std::uint32_t u32(std::uint64_t at) const { return number<std::uint32_t>(at); }
  std::uint64_t u64(std::uint64_t at) const { return number<std::uint64_t>(at); }
  std::string_view text(std::uint64_t at, std::uint64_t count) const {
    OFER_ASSERT(holds(at, count));
    return {reinterpret_cast<const char*>(bytes_.data()) + at, static_cast<std::size_t>(count)};
  }

 private:
  template <class T>
  T number(std::uint64_t at) const {
    OFER_ASSERT(holds(at, sizeof(T)));
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof(T));
    return value;
  }

  std::span<const std::byte> bytes_;
};

struct Directory {
  std::uint64_t begin = 0, end = 0, count = 0;
};

// What a header, local or central, says of an entry.
struct Header {
  std::uint16_t flags, method;
  std::uint32_t checksum;
  std::uint64_t stored_size, size;
};

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  Directory directory() const {
    const std::uint64_t end = end_record();
    require(bytes_.u16(end + 4) == 0 && bytes_.u16(end + 6) == 0, ErrorCode::kBadFile, file_,
            ": zip: spread over several disks");
    Directory result;
    result.count = bytes_.u16(end + 10);
    std::uint64_t size = bytes_.u32(end + 12), limit = end;
    result.begin = bytes_.u32(end + 16);
    const bool here = bytes_.u16(end + 8) == result.count;
    require(here, ErrorCode::kBadFile, file_, ": zip: its entry counts contradict each other");
    if (end >= kLocatorBytes && bytes_.u32(end - kLocatorBytes) == kLocator64) {
      limit = bytes_.u64(end - kLocatorBytes + 8);
      require(limit <= end - kLocatorBytes && end - kLocatorBytes - limit >= kEnd64Bytes &&
                  bytes_.u32(limit) == kEnd64,
              ErrorCode::kBadFile, file_, ": zip: its 64-bit end record is not where it must be");
      const std::uint64_t record_size = bytes_.u64(limit + 4);
      require(record_size == end - kLocatorBytes - limit - 12, ErrorCode::kBadFile, file_,
              ": zip: its 64-bit end record has the wrong size");
      require(bytes_.u32(limit + 16) == 0 && bytes_.u32(limit + 20) == 0 &&
                  bytes_.u32(end - kLocatorBytes + 4) == 0 &&
                  bytes_.u32(end - kLocatorBytes + 16) <= 1 &&
                  bytes_.u64(limit + 24) == bytes_.u64(limit + 32),
              ErrorCode::kBadFile, file_, ": zip: spread over several disks");
      result.count = either(result.count, kAll16, bytes_.u64(limit + 32));
      size = either(size, kAll32, bytes_.u64(limit + 40));
      result.begin = either(result.begin, kAll32, bytes_.u64(limit + 48));
    }
    require(result.begin <= limit && size == limit - result.begin, ErrorCode::kBadFile, file_,
            ": zip: its directory (", size, " bytes at byte ", result.begin,
            ") does not end at its end record (byte ", limit, ")");
    result.end = limit;
    require(result.count <= size / kCentralBytes && result.count <= kMaxEntries,
            ErrorCode::kBadFile, file_, ": zip: ", result.count, " entries do not fit into its ",
            size, " bytes of directory");
    return result;
  }

  // The entry whose central header is at `at`; moves `at` behind it. `extent_begin`: where its
  // local header is.
  ZipEntry entry(const Directory& directory, std::uint64_t& at, std::uint64_t& extent_begin) const {
    require(directory.end - at >= kCentralBytes && bytes_.u32(at) == kCentral, ErrorCode::kBadFile,
            file_, ": zip: its directory is damaged at byte ", at);
    const std::uint64_t name_size = bytes_.u16(at + 28), extra_size = bytes_.u16(at + 30),
                        comment_size = bytes_.u16(at + 32);
    require(name_size + extra_size + comment_size <= directory.end - at - kCentralBytes,
            ErrorCode::kBadFile, file_, ": zip: its directory is damaged at byte ", at);
    ZipEntry result;
    result.name = bytes_.text(at + kCentralBytes, name_size);
    check_name(result.name);
    Header header{bytes_.u16(at + 8), bytes_.u16(at + 10), bytes_.u32(at + 16), bytes_.u32(at + 20),
                  bytes_.u32(at + 24)};
    std::uint64_t disk = bytes_.u16(at + 34);
    extent_begin = bytes_.u32(at + 42);
    read_extra(
        result.name, at + kCentralBytes + name_size, extra_size,
        {header.size == kAll32 ? &header.size : nullptr,
         header.stored_size == kAll32 ? &header.stored_size : nullptr,
         extent_begin == kAll32 ? &extent_begin : nullptr, disk == kAll16 ? &disk : nullptr});
    if (disk != 0) bad(result.name, "lies on another disk");
    if (header.flags & (kEncrypted | kStrongEncrypted | kMasked)) bad(result.name, "is encrypted");
    if (header.method != kStored)
      bad(result.name, "is compressed (method ", header.method,
          "); load the file in Python and save it again with torch.save, which does not compress");
    if (header.size != header.stored_size)
      bad(result.name, "is stored, but in ", header.stored_size, " bytes for ", header.size);
    check_local(directory, header, extent_begin, result);
    at += kCentralBytes + name_size + extra_size + comment_size;
    return result;
  }

  template <class... Pieces>
  [[noreturn]] void bad(std::string_view name, const Pieces&... pieces) const {
    fail(ErrorCode::kBadFile, file_, ": zip: entry ", printable(name), " ", pieces...);
  }

 private:
  // Where the end record begins: the last place from which it reaches exactly to the file's end.
  std::uint64_t end_record() const {
    const std::uint64_t size = bytes_.size();
    for (std::uint64_t comment = 0; comment <= kMaxComment && size >= kEndBytes + comment;
         ++comment) {
      const std::uint64_t at = size - kEndBytes - comment;
      if (bytes_.u32(at) == kEnd && bytes_.u16(at + 20) == comment) return at;
    }
    fail(ErrorCode::kBadFile, file_,
         ": zip: no end record; the file is cut short or something has been added to it");
  }

  // A number that two records give, the first as all ones where it does not fit.
  std::uint64_t either(std::uint64_t small, std::uint64_t all, std::uint64_t large) const {
    require(small == all || small == large, ErrorCode::kBadFile, file_,
            ": zip: its two end records contradict each other");
    return large;
  }

  void check_name(std::string_view name) const {
    if (!is_plain_text(name) || name.find('\\') != name.npos)
      bad(name, "has a name that is empty, not UTF-8, or holds control characters or \\");
    if (name.front() == '/' || (name.size() >= 2 && name[1] == ':'))
      bad(name, "has an absolute path for a name");
    if (name.ends_with('/')) name.remove_suffix(1);
    for (std::size_t begin = 0; begin <= name.size();) {
      const std::size_t end = std::min(name.find('/', begin), name.size());
      const std::string_view part = name.substr(begin, end - begin);
      if (part.empty() || part == "." || part == "..")
        bad(name, "has a name with an empty part, \".\" or \"..\"");
      begin = end + 1;
    }
  }

  // Fills the numbers that are asked for (not null), in order, from the field with tag 1.
  void read_extra(std::string_view name, std::uint64_t at, std::uint64_t size,
                  std::initializer_list<std::uint64_t*> wanted) const {
    const bool any =
        std::any_of(wanted.begin(), wanted.end(), [](auto* p) { return p != nullptr; });
    bool found = false;
    // A few bytes may be left over: programs pad with them.
    for (const std::uint64_t end = at + size; end - at >= 4;) {
      const std::uint16_t tag = bytes_.u16(at);
      const std::uint64_t length = bytes_.u16(at + 2);
      at += 4;
      if (length > end - at) bad(name, "has an extra field that is longer than its header");
      if (tag == 1 && any) {
        if (found) bad(name, "has two 64-bit fields");
        found = true;
        std::uint64_t used = 0, position = 0;
        for (std::uint64_t* number : wanted) {
          const std::uint64_t width = ++position == 4 ? 4 : 8;
          if (!number) continue;
          if (length - used < width) bad(name, "has a 64-bit field that is too short");
          *number = width == 8 ? bytes_.u64(at + used) : bytes_.u32(at + used);
          used += width;
        }
      }
      at += length;
    }
    if (any && !found) bad(name, "lacks its 64-bit field");
  }

  // The entry's own header must say what the directory says. Finds the content's place and size.
  void check_local(const Directory& directory, const Header& central, std::uint64_t at,
                   ZipEntry& entry) const {
    if (at > directory.begin || directory.begin - at < kLocalBytes || bytes_.u32(at) != kLocal)
      bad(entry.name, "has no header at byte ", at);
    const std::uint64_t name_size = bytes_.u16(at + 26), extra_size = bytes_.u16(at + 28);
    const std::uint64_t room = directory.begin - at - kLocalBytes;
    if (name_size + extra_size > room) bad(entry.name, "reaches into the directory");
    const std::string_view name = bytes_.text(at + kLocalBytes, name_size);
    if (name != entry.name) bad(entry.name, "is called ", printable(name), " by its own header");
    Header local{bytes_.u16(at + 6), bytes_.u16(at + 8), bytes_.u32(at + 14), bytes_.u32(at + 18),
                 bytes_.u32(at + 22)};
    read_extra(name, at + kLocalBytes + name_size, extra_size,
               {local.size == kAll32 ? &local.size : nullptr,
                local.stored_size == kAll32 ? &local.stored_size : nullptr});
    // Sizes that follow behind the content may be zero here.
    const bool later = (central.flags & kSizesFollow) != 0 && local.checksum == 0 &&
                       local.size == 0 && local.stored_size == 0;
    if (local.flags != central.flags || local.method != central.method ||
        (!later && (local.checksum != central.checksum || local.size != central.size ||
                    local.stored_size != central.stored_size)))
      bad(entry.name, "has a header that contradicts the directory");
    entry.size = central.size;
    if (entry.size > room - name_size - extra_size)
      bad(entry.name, "is said to be ", entry.size, " bytes long, but only ",
          room - name_size - extra_size, " are there");
    entry.offset = at + kLocalBytes + name_size + extra_size;
  }

  Bytes bytes_;
  const std::string& file_;
};

}  // namespace

ZipArchive::ZipArchive(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes) {
  const Reader reader(bytes, file);
  const Directory directory = reader.directory();
  struct Extent {
    std::uint64_t begin, end;
    std::string_view name;
  };
  std::vector<Extent> extents;
  std::vector<std::string_view> names;  // folders too
  extents.reserve(static_cast<std::size_t>(directory.count));
  std::uint64_t at = directory.begin;
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    std::uint64_t begin = 0;
    const ZipEntry entry = reader.entry(directory, at, begin);
    extents.push_back({begin, entry.offset + entry.size, entry.name});
    names.push_back(entry.name);
    if (!entry.name.ends_with('/'))
      entries_.push_back(entry);
    else if (entry.size != 0)
      reader.bad(entry.name, "is a folder, but has content");
  }
  require(at == directory.end, ErrorCode::kBadFile, file, ": zip: ", directory.end - at,
          " bytes of its directory belong to no entry");

  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  for (std::size_t i = 1; i < extents.size(); ++i)
    if (extents[i].begin < extents[i - 1].end)
      reader.bad(extents[i].name, "overlaps entry ", printable(extents[i - 1].name));
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) reader.bad(*twice, "is there twice");

  by_name_.resize(entries_.size());
  std::iota(by_name_.begin(), by_name_.end(), 0u);
  std::sort(by_name_.begin(), by_name_.end(),
            [&](auto a, auto b) { return entries_[a].name < entries_[b].name; });
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto found =
      std::lower_bound(by_name_.begin(), by_name_.end(), name,
                       [&](std::uint32_t a, std::string_view b) { return entries_[a].name < b; });
  return found != by_name_.end() && entries_[*found].name == name ? &entries_[*found] : nullptr;
}

}  // namespace ofer
