// Fields of JSON objects, read strictly: wrong types, missing and unknown fields are errors that
// name their path.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "weights/strict_json.h"

namespace ofer {

// The names of a switch's values in the JSON.
template <class Enum>
using JsonNames = std::initializer_list<std::pair<Enum, const char*>>;

template <class Enum>
const char* name_in(const JsonNames<Enum>& names, Enum value) {
  for (const auto& [known, name] : names)
    if (known == value) return name;
  OFER_ASSERT(!"a switch without a name");
}

// One JSON object whose fields are asked for by name. finish() refuses the ones nobody asked for.
// Everything throws kBadArgument, one line that begins with `what` ("configuration") and the path.
class JsonFields {
 public:
  JsonFields(const JsonValue& object, std::string what, std::string path = "")
      : object_(object), what_(std::move(what)), path_(std::move(path)) {
    if (!object.is_object()) bad(path_, "must be an object");
  }

  bool has(const char* name) const { return object_.find(name) != nullptr; }
  const JsonValue& value(const char* name) {
    const JsonValue* found = object_.find(name);
    if (!found) bad(path_of(name), "is missing");
    asked_.insert(name);
    return *found;
  }

  template <class T>
  JsonFields& get(const char* name, T& field) {
    read(value(name), field, path_of(name));
    return *this;
  }

  template <class Enum>
  JsonFields& get(const char* name, Enum& field, const JsonNames<Enum>& names) {
    std::string text, known;
    read(value(name), text, path_of(name));
    for (const auto& [candidate, candidate_name] : names) {
      if (text == candidate_name) {
        field = candidate;
        return *this;
      }
      known += (known.empty() ? "\"" : " or \"") + std::string(candidate_name) + "\"";
    }
    bad(path_of(name), "must be " + known + ", not " + printable(text));
  }

  JsonFields object(const char* name) { return within(value(name), path_of(name)); }
  // An object inside this one that has been found otherwise, as in a list.
  JsonFields within(const JsonValue& object, std::string path) const {
    return JsonFields(object, what_, std::move(path));
  }

  std::string path_of(const char* name) const { return path_.empty() ? name : path_ + "." + name; }

  void finish() const {
    for (const auto& [key, unused] : object_.members())
      if (!asked_.count(key)) bad(path_, "unknown field " + printable(key));
  }

  [[noreturn]] void bad(const std::string& path, const std::string& problem) const {
    fail(ErrorCode::kBadArgument, what_, ": ", path, path.empty() ? "" : ": ", problem);
  }

 private:
  void read(const JsonValue& value, int& field, const std::string& path) const {
    std::int64_t wide = 0;
    read(value, wide, path);
    if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max())
      bad(path, "is too large");
    field = static_cast<int>(wide);
  }
  void read(const JsonValue& value, std::int64_t& field, const std::string& path) const {
    if (!value.is_whole()) bad(path, "must be a whole number");
    if (value.is_unsigned() && value.whole_unsigned() > std::uint64_t{kLargest})
      bad(path, "is too large");
    field = value.whole();
  }
  void read(const JsonValue& value, std::uint64_t& field, const std::string& path) const {
    if (!value.is_unsigned()) bad(path, "must be a whole number of 0 or more");
    field = value.whole_unsigned();
  }
  void read(const JsonValue& value, double& field, const std::string& path) const {
    if (!value.is_number()) bad(path, "must be a number");
    field = value.number();
  }
  void read(const JsonValue& value, float& field, const std::string& path) const {
    double wide = 0;
    read(value, wide, path);
    field = static_cast<float>(wide);
  }
  void read(const JsonValue& value, bool& field, const std::string& path) const {
    if (!value.is_boolean()) bad(path, "must be true or false");
    field = value.boolean();
  }
  void read(const JsonValue& value, std::string& field, const std::string& path) const {
    if (!value.is_string()) bad(path, "must be a string");
    field = value.string();
  }
  template <class T>
  void read(const JsonValue& value, std::vector<T>& field, const std::string& path) const {
    if (!value.is_list()) bad(path, "must be a list");
    field.clear();
    for (const JsonValue& element : value.list())
      read(element, field.emplace_back(), message(path, "[", field.size() - 1, "]"));
  }
  template <class T>
  void read(const JsonValue& value, std::map<std::string, T>& field, const std::string& path) const {
    if (!value.is_object()) bad(path, "must be an object");
    field.clear();
    for (const auto& [key, element] : value.members()) read(element, field[key], path + "." + key);
  }
  template <class T, std::size_t N>
  void read(const JsonValue& value, std::array<T, N>& field, const std::string& path) const {
    if (!value.is_list() || value.list().size() != N)
      bad(path, message("must be a list of ", N));
    for (std::size_t i = 0; i < N; ++i) read(value.list()[i], field[i], message(path, "[", i, "]"));
  }

  static constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

  const JsonValue& object_;
  std::string what_, path_;
  std::set<std::string> asked_;
};

}  // namespace ofer
