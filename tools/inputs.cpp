#include "tools/inputs.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "engine/error.h"
#include "engine/image_io.h"

namespace ofer {

namespace {

namespace fs = std::filesystem;

bool is_picture_name(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  constexpr std::array<std::string_view, 5> kExtensions{".png", ".jpg", ".jpeg", ".jpe", ".bmp"};
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

template <class Iterator>
void list_into(const fs::path& folder, std::vector<std::string>& found) {
  for (const fs::directory_entry& entry :
       Iterator(folder, fs::directory_options::skip_permission_denied)) {
    if (!is_picture_name(entry.path())) continue;
    // Folders and pipes of such a name are no pictures; a dangling link is one that fails.
    std::error_code ignored;
    const fs::file_status status = entry.status(ignored);
    if (!fs::exists(status) || fs::is_regular_file(status)) found.push_back(entry.path().string());
  }
}

void list_folder(const std::string& folder, bool recursive, std::vector<InputFile>& inputs) {
  std::vector<std::string> found;
  try {
    // What may not be entered below is left out; the folder itself must open.
    fs::directory_iterator{folder};
    if (recursive)
      list_into<fs::recursive_directory_iterator>(folder, found);
    else
      list_into<fs::directory_iterator>(folder, found);
  } catch (const fs::filesystem_error& error) {
    inputs.push_back({folder, folder + ": cannot list this folder: " + error.code().message()});
    return;
  }
  if (found.empty()) {
    inputs.push_back({folder, folder + ": no picture files (.png, .jpg, .jpeg, .bmp) in it" +
                                  (recursive ? "" : "; --recursive looks into its folders too")});
    return;
  }
  std::sort(found.begin(), found.end());
  for (std::string& path : found) inputs.push_back({std::move(path), {}});
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
