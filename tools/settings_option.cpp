#include "tools/settings_option.h"

#include "engine/error.h"

namespace ofer {

JsonSettings settings_of(const std::vector<std::string>& texts) {
  JsonSettings settings;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    require(equals != text.npos && equals > 0, ErrorCode::kBadArgument, "--set: \"", text,
            "\" is not FIELD=VALUE");
    std::string path;
    for (const char c : text.substr(0, equals))
      if (c == '[')
        path += '.';
      else if (c != ']')
        path += c;
    require(settings.emplace(path, text.substr(equals + 1)).second, ErrorCode::kBadArgument,
            "--set: ", path, " is set twice");
  }
  return settings;
}

}  // namespace ofer
