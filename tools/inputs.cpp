#include "tools/inputs.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include "engine/error.h"
#include "engine/image_io.h"
#include "ofer/data/picture_files.h"

namespace ofer {

namespace {

namespace fs = std::filesystem;

void list_folder(const std::string& folder, bool recursive, std::vector<InputFile>& inputs) {
  std::vector<fs::path> found;
  try {
    found = list_pictures(folder, recursive);
  } catch (const fs::filesystem_error& error) {
    inputs.push_back({folder, folder + ": cannot list this folder: " + error.code().message()});
    return;
  }
  if (found.empty()) {
    inputs.push_back({folder, folder + ": no picture files (.png, .jpg, .jpeg, .bmp) in it" +
                                  (recursive ? "" : "; --recursive looks into its folders too")});
    return;
  }
  for (const fs::path& path : found) inputs.push_back({path.string(), {}});
}

Image read_stream(std::istream& in, const std::string& name) {
  constexpr std::size_t kPiece = std::size_t{1} << 16;
  std::vector<std::uint8_t> bytes;
  while (in) {
    const std::size_t size = bytes.size();
    require(size <= static_cast<std::size_t>(kMaxImageFileBytes), ErrorCode::kBadFile, name,
            ": more than ", kMaxImageFileBytes, " bytes");
    bytes.resize(size + kPiece);
    in.read(reinterpret_cast<char*>(bytes.data() + size), kPiece);
    bytes.resize(size + static_cast<std::size_t>(in.gcount()));
  }
  require(!in.bad(), ErrorCode::kIo, name, ": cannot read");
  return decode_image(bytes, name);
}

}  // namespace

std::string shown_name(const InputFile& input) {
  return input.is_stream() ? "standard input" : input.path;
}

std::vector<InputFile> list_inputs(std::span<const std::string> arguments, bool recursive) {
  require(std::count(arguments.begin(), arguments.end(), "-") <= 1, ErrorCode::kBadArgument,
          "standard input (-) can be read only once");
  std::vector<InputFile> inputs;
  for (const std::string& argument : arguments) {
    require(!argument.empty(), ErrorCode::kBadArgument, "an input has an empty name");
    std::error_code ignored;
    if (argument != "-" && fs::is_directory(argument, ignored))
      list_folder(argument, recursive, inputs);
    else
      inputs.push_back({argument, {}});
  }
  return inputs;
}

Image read_input(const InputFile& input, std::istream& in) {
  if (!input.problem.empty()) fail(ErrorCode::kIo, input.problem);
  return input.is_stream() ? read_stream(in, shown_name(input)) : load_image(input.path);
}

}  // namespace ofer
