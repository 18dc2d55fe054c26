#include "weights/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "engine/error.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

struct FileType {
  std::string_view name;
  std::uint64_t bytes;
  std::optional<DType> dtype;
};

constexpr FileType kTypes[] = {
    {"F64", 8, DType::kF64},   {"F32", 4, DType::kF32},      {"F16", 2, DType::kF16},
    {"BF16", 2, DType::kBF16}, {"I64", 8, DType::kI64},      {"I32", 4, DType::kI32},
    {"U8", 1, DType::kU8},     {"BOOL", 1, std::nullopt},    {"I8", 1, std::nullopt},
    {"I16", 2, std::nullopt},  {"U16", 2, std::nullopt},     {"U32", 4, std::nullopt},
    {"U64", 8, std::nullopt},  {"F8_E4M3", 1, std::nullopt}, {"F8_E5M2", 1, std::nullopt}};

// Takes the header's JSON piece by piece as the parser meets it and accepts nothing but the
// grammar, so a hostile header is refused at its first wrong piece: deep nesting never builds a
// tree, and duplicate keys never overwrite each other.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderReader(const std::string& file, SafetensorsHeader& header) : file_(file), header_(header) {}

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("a boolean"); }
  bool number_integer(number_integer_t) override { unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    unexpected("a number that is fractional or beyond 64 bits");
  }
  bool binary(binary_t&) override { unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::kShape) {
      if (shape_.rank() == Shape::kMaxRank) bad("more than ", Shape::kMaxRank, " axes");
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        bad("extent ", value, " is too large");
      shape_.push_back(static_cast<std::int64_t>(value));
    } else if (place_ == Place::kOffsets) {
      if (offset_count_ == 2) bad("data_offsets has more than two numbers");
      offsets_[offset_count_++] = value;
    } else {
      unexpected("a number");
    }
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::kMetadata) {
      header_.metadata[key_] = std::move(value);
    } else if (place_ == Place::kEntry && key_ == "dtype") {
      const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                      [&](const FileType& known) { return known.name == value; });
      if (type == std::end(kTypes)) bad("unknown dtype ", printable(value));
      type_ = type;
    } else {
      unexpected("a string");
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::kStart) {
      place_ = Place::kHeader;
    } else if (place_ == Place::kHeader) {
      place_ = name_ == "__metadata__" ? Place::kMetadata : Place::kEntry;
      seen_.clear();
      shape_ = Shape();
      offset_count_ = 0;
    } else {
      unexpected("an object");
    }
    return true;
  }

  bool key(string_t& key) override {
    if (place_ == Place::kHeader) {
      require(names_.insert(key).second, ErrorCode::kBadFile, file_, ": header: the name ",
              printable(key), " comes twice");
      name_ = std::move(key);
      return true;
    }
    if (place_ == Place::kEntry && key != "dtype" && key != "shape" && key != "data_offsets")
      bad("unknown field ", printable(key));
    if (!seen_.insert(key).second) bad("the field ", printable(key), " comes twice");
    key_ = std::move(key);
    return true;
  }

  bool end_object() override {
    if (place_ == Place::kEntry) finish_entry();
    // The header ends where it started; nothing may follow, which the parser checks.
    place_ = place_ == Place::kHeader ? Place::kStart : Place::kHeader;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::kEntry && key_ == "shape")
      place_ = Place::kShape;
    else if (place_ == Place::kEntry && key_ == "data_offsets")
      place_ = Place::kOffsets;
    else
      unexpected("an array");
    return true;
  }

  bool end_array() override {
    place_ = Place::kEntry;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    fail(ErrorCode::kBadFile, file_, ": header: not valid JSON near byte ", position);
  }

 private:
  enum class Place { kStart, kHeader, kMetadata, kEntry, kShape, kOffsets };

  template <class... Pieces>
  [[noreturn]] void bad(const Pieces&... pieces) const {
    fail(ErrorCode::kBadFile, file_, ": header: ", printable(name_), ": ", pieces...);
  }

  [[noreturn]] void unexpected(const char* what) const {
    switch (place_) {
      case Place::kStart:
        fail(ErrorCode::kBadFile, file_, ": header: ", what, ", not an object");
      case Place::kHeader:
        bad(what, " where an object must be");
      case Place::kMetadata:
        bad(printable(key_), " is ", what, ", not a string");
      case Place::kEntry:
        bad("unexpected ", what, " as ", key_);
      case Place::kShape:
        bad(what, " in the shape");
      case Place::kOffsets:
        bad(what, " in data_offsets");
    }
    bad("unexpected ", what);
  }

  void finish_entry() {
    for (const char* field : {"dtype", "shape", "data_offsets"})
      if (!seen_.count(field)) bad("no field ", field);
    if (offset_count_ != 2) bad("data_offsets must be two numbers");
    std::uint64_t bytes = type_->bytes;
    for (int axis = 0; axis < shape_.rank(); ++axis)
      if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(shape_[axis]), &bytes))
        bad("shape ", shape_.to_string(), " has too many elements");
    if (offsets_[0] > offsets_[1])
      bad("data_offsets end (", offsets_[1], ") before they begin (", offsets_[0], ")");
    if (offsets_[1] - offsets_[0] != bytes)
      bad("data_offsets span ", offsets_[1] - offsets_[0], " bytes, but ", type_->name, " ",
          shape_.to_string(), " takes ", bytes);
    header_.entries.push_back({name_, type_->name, type_->dtype, shape_, offsets_[0], offsets_[1]});
  }

  const std::string& file_;
  SafetensorsHeader& header_;
  Place place_ = Place::kStart;
  std::set<std::string> names_;  // of the whole header
  std::set<std::string> seen_;   // fields of this entry, or keys of the metadata
  std::string name_, key_;
  const FileType* type_ = nullptr;
  Shape shape_;
  std::uint64_t offsets_[2] = {};
  int offset_count_ = 0;
};

// Every byte of the data belongs to exactly one tensor.
void check_coverage(const std::vector<SafetensorsEntry>& entries, std::uint64_t data_size,
                    const std::string& file) {
  std::uint64_t covered = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const SafetensorsEntry& entry = entries[i];
    require(entry.end <= data_size, ErrorCode::kBadFile, file, ": tensor ", printable(entry.name),
            " ends at byte ", entry.end, " of the data, but there are ", data_size,
            "; the file is cut short or damaged");
    require(entry.begin >= covered, ErrorCode::kBadFile, file, ": tensor ", printable(entry.name),
            " overlaps ", i > 0 ? printable(entries[i - 1].name) : std::string("the start"));
    require(entry.begin == covered, ErrorCode::kBadFile, file, ": bytes ", covered, " to ",
            entry.begin, " of the data belong to no tensor");
    covered = entry.end;
  }
  require(covered == data_size, ErrorCode::kBadFile, file, ": ", data_size - covered,
          " bytes behind the last tensor belong to no tensor");
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_size,
                                           const std::string& file) {
  require(!json.empty() && json.front() == '{', ErrorCode::kBadFile, file,
          ": not a safetensors file (its header is not a JSON object)");
  // The parser takes a zero byte for the end of the text and would not see what follows.
  require(json.find('\0') == json.npos, ErrorCode::kBadFile, file,
          ": header: not valid JSON (it holds a zero byte)");
  SafetensorsHeader header;
  HeaderReader reader(file, header);
  nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  std::sort(header.entries.begin(), header.entries.end(), [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  check_coverage(header.entries, data_size, file);
  return header;
}

}  // namespace ofer
