// A JSON document in memory, as strict_json.h reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ofer {

// Unlike the parser's own tree, it can be destroyed where memory has run out. What a function asks
// for must be what the value is (std::bad_variant_access otherwise).
class JsonValue {
 public:
  using List = std::vector<JsonValue>;
  using Members = std::vector<std::pair<std::string, JsonValue>>;  // in the document's order

  JsonValue() = default;  // null
  template <class T>
  explicit JsonValue(T value) : value_(std::move(value)) {}

  bool is_null() const { return is<std::monostate>(); }
  bool is_boolean() const { return is<bool>(); }
  bool is_string() const { return is<std::string>(); }
  bool is_list() const { return is<List>(); }
  bool is_object() const { return is<Members>(); }
  // Whole numbers that fit 64 bits are kept exactly: negative ones as signed, others as unsigned.
  bool is_unsigned() const { return is<std::uint64_t>(); }
  bool is_whole() const { return is_unsigned() || is<std::int64_t>(); }
  bool is_number() const { return is_whole() || is<double>(); }

  bool boolean() const { return std::get<bool>(value_); }
  const std::string& string() const { return std::get<std::string>(value_); }
  const List& list() const { return std::get<List>(value_); }
  List& list() { return std::get<List>(value_); }
  const Members& members() const { return std::get<Members>(value_); }
  Members& members() { return std::get<Members>(value_); }
  std::uint64_t whole_unsigned() const { return std::get<std::uint64_t>(value_); }
  // Any number.
  double number() const {
    if (is<double>()) return std::get<double>(value_);
    return is_unsigned() ? static_cast<double>(std::get<std::uint64_t>(value_))
                         : static_cast<double>(std::get<std::int64_t>(value_));
  }
  // A whole one of at most 2^63 - 1.
  std::int64_t whole() const {
    return is_unsigned() ? static_cast<std::int64_t>(std::get<std::uint64_t>(value_))
                         : std::get<std::int64_t>(value_);
  }

  // An object's member; null where there is none, and of what is no object.
  const JsonValue* find(std::string_view name) const {
    if (is_object())
      for (const auto& [key, value] : members())
        if (key == name) return &value;
    return nullptr;
  }

 private:
  template <class T>
  bool is() const {
    return std::holds_alternative<T>(value_);
  }

  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, List,
               Members>
      value_;
};

}  // namespace ofer
