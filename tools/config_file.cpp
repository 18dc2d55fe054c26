#include "tools/config_file.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "engine/error.h"

namespace ofer {

namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;

Config config_from_file(const std::string& path) {
  std::error_code ignored;
  require(!std::filesystem::is_directory(path, ignored), ErrorCode::kIo, path,
          ": is a folder, not a configuration file");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  require(file.is_open(), ErrorCode::kIo, path,
          ": cannot open: ", std::generic_category().message(errno),
          " (built-in configurations are base and small)");
  std::string text(kMaxConfigBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  require(!file.bad(), ErrorCode::kIo, path, ": cannot read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  require(text.size() <= kMaxConfigBytes, ErrorCode::kBadFile, path,
          ": too large for a configuration");
  try {
    return parse_config(text);
  } catch (const Error& error) {
    fail(ErrorCode::kBadFile, path, ": ", error.what());
  }
}

}  // namespace

Config config_named(const std::string& name) {
  return name == "base" || name == "small" ? builtin_config(name) : config_from_file(name);
}

}  // namespace ofer
