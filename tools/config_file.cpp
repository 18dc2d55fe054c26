#include "tools/config_file.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "engine/error.h"

namespace ofer {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

Config config_from_file(const std::string& path) {
  try {
    return parse_config(text_of_file(path, "a configuration (built-in ones are base and small)"));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadArgument) throw;
    fail(ErrorCode::kBadFile, path, ": ", error.what());
  }
}

}  // namespace

std::string text_of_file(const std::string& path, const std::string& what) {
  std::error_code ignored;
  require(!std::filesystem::is_directory(path, ignored), ErrorCode::kIo, path,
          ": is a folder, not ", what);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  require(file.is_open(), ErrorCode::kIo, path,
          ": cannot open: ", std::generic_category().message(errno), "; wanted is ", what);
  std::string text(kMaxBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  require(!file.bad(), ErrorCode::kIo, path, ": cannot read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  require(text.size() <= kMaxBytes, ErrorCode::kBadFile, path, ": too large for ", what);
  return text;
}

Config config_named(const std::string& name) {
  return name == "base" || name == "small" ? builtin_config(name) : config_from_file(name);
}

}  // namespace ofer
