#include "weights/strict_json.h"

#include <cstddef>
#include <set>
#include <vector>

#include "engine/error.h"

namespace ofer {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr int kMaxDepth = 16;

}  // namespace

nlohmann::json parse_strict_json(std::string_view text, std::string_view what) {
  using nlohmann::json;
  require(text.size() <= kMaxBytes, ErrorCode::kBadArgument, what, ": longer than 1 MiB");
  // The parser takes a zero byte for the end of the text and would not see what follows.
  require(text.find('\0') == text.npos, ErrorCode::kBadArgument, what, ": holds a zero byte");

  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
    require(depth < kMaxDepth, ErrorCode::kBadArgument, what, ": nested deeper than ", kMaxDepth);
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      require(keys.back().insert(key).second, ErrorCode::kBadArgument, what, ": the key ",
              printable(key), " comes twice");
    }
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), check);
  } catch (const json::parse_error& error) {
    fail(ErrorCode::kBadArgument, what, ": not valid JSON near byte ", error.byte);
  } catch (const json::exception&) {  // a number beyond the range of a double
    fail(ErrorCode::kBadArgument, what, ": not valid JSON");
  }
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
