#include "weights/strict_json.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "engine/error.h"

namespace ofer {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxDepth = 16;

using Sax = nlohmann::json_sax<nlohmann::json>;

// Builds the document as the parser meets it, and refuses what is wrong at once.
class Builder : public Sax {
 public:
  explicit Builder(std::string_view what) : what_(what) {}

  JsonValue take() { return std::move(document_); }

  bool null() override { return add(JsonValue()); }
  bool boolean(bool value) override { return add(JsonValue(value)); }
  bool number_integer(number_integer_t value) override {
    return add(JsonValue(std::int64_t{value}));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return add(JsonValue(std::uint64_t{value}));
  }
  bool number_float(number_float_t value, const string_t&) override {
    return add(JsonValue(double{value}));
  }
  bool string(string_t& value) override { return add(JsonValue(std::move(value))); }
  bool binary(binary_t&) override { return false; }  // JSON has none

  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return open(JsonValue(JsonValue::Members()));
  }
  bool key(string_t& name) override {
    check_depth();
    require(keys_.back().insert(name).second, ErrorCode::kBadArgument, what_, ": the key ",
            printable(name), " comes twice");
    open_.back()->members().emplace_back().first = std::move(name);  // null so far
    return true;
  }
  bool end_object() override {
    keys_.pop_back();
    return close();
  }
  bool start_array(std::size_t) override { return open(JsonValue(JsonValue::List())); }
  bool end_array() override { return close(); }

  bool parse_error(std::size_t byte, const std::string&,
                   const nlohmann::json::exception& error) override {
    // Else a number beyond the range of a double.
    if (dynamic_cast<const nlohmann::json::parse_error*>(&error))
      fail(ErrorCode::kBadArgument, what_, ": not valid JSON near byte ", byte);
    fail(ErrorCode::kBadArgument, what_, ": not valid JSON");
  }

 private:
  void check_depth() const {
    require(open_.size() < kMaxDepth, ErrorCode::kBadArgument, what_, ": nested deeper than ",
            kMaxDepth);
  }

  // Puts a value where the document goes on. Only the last element of a list or object is ever
  // open, so that those that are stay where they are.
  JsonValue& place(JsonValue value) {
    check_depth();
    JsonValue* target = &document_;
    if (!open_.empty())
      target = open_.back()->is_list() ? &open_.back()->list().emplace_back()
                                       : &open_.back()->members().back().second;
    *target = std::move(value);
    return *target;
  }
  bool add(JsonValue value) {
    place(std::move(value));
    return true;
  }
  bool open(JsonValue value) {
    open_.push_back(&place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view what_;
  JsonValue document_;
  std::vector<JsonValue*> open_;
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
};

}  // namespace

JsonValue parse_strict_json(std::string_view text, std::string_view what) {
  require(text.size() <= kMaxBytes, ErrorCode::kBadArgument, what, ": longer than 1 MiB");
  // The parser takes a zero byte for the end of the text and would not see what follows.
  require(text.find('\0') == text.npos, ErrorCode::kBadArgument, what, ": holds a zero byte");
  Builder builder(what);
  require(nlohmann::json::sax_parse(text.begin(), text.end(), &builder), ErrorCode::kBadArgument,
          what, ": not valid JSON");
  return builder.take();
}

std::string printable(std::string_view text) {
  constexpr std::size_t kMaxShown = 80;
  constexpr char kDigits[] = "0123456789abcdef";
  std::size_t shown = text.size();
  if (shown > kMaxShown) {
    shown = kMaxShown;
    while (shown > 0 && (static_cast<unsigned char>(text[shown]) & 0xc0) == 0x80)
      --shown;  // not inside a UTF-8 character
  }
  std::string result = "\"";
  for (char character : text.substr(0, shown)) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20 || byte == 0x7f) {
      result += "\\x";
      result += kDigits[byte >> 4];
      result += kDigits[byte & 15];
    } else {
      result += character;
    }
  }
  return result + (shown < text.size() ? "...\"" : "\"");
}

}  // namespace ofer
