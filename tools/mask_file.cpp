#include "tools/mask_file.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include "engine/error.h"
#include "engine/image_io.h"
#include "ofer/data/patch_grid.h"
#include "weights/strict_json.h"

namespace ofer {

namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";
constexpr std::size_t kMaxTextBytes = std::size_t{1} << 20;

// The beginning of the file, at most what a text may have and one byte more.
std::string read_beginning(const std::filesystem::path& path) {
  std::error_code ignored;
  require(!std::filesystem::is_directory(path, ignored), ErrorCode::kIo, path.string(),
          ": is a folder, not a mask file");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  require(file.is_open(), ErrorCode::kIo, path.string(),
          ": cannot open: ", std::generic_category().message(errno));
  std::string text(kMaxTextBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  require(!file.bad(), ErrorCode::kIo, path.string(), ": cannot read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

std::vector<std::uint8_t> mask_from_picture(const Image& picture, int rows, int columns) {
  const int across = (columns + picture.width - 1) / picture.width;
  const int down = (rows + picture.height - 1) / picture.height;
  const int width = picture.width * across, height = picture.height * down;
  std::vector<std::uint8_t> coverage(static_cast<std::size_t>(width) *
                                     static_cast<std::size_t>(height));
  std::size_t place = 0;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const std::uint8_t* p = picture.at(x / across, y / down);
      // Rec. 709 luminance in thousandths of 255.
      const int luminance = 213 * p[0] + 715 * p[1] + 72 * p[2];
      coverage[place++] = luminance >= 127500 ? 255 : 0;
    }
  return covered_patches(coverage, width, height, rows, columns, 0.5);
}

// A message behind the file's name.
class Complaint {
 public:
  Complaint(std::string path, int rows, int columns)
      : path_(std::move(path)), rows_(rows), columns_(columns) {}

  [[noreturn]] void not_a_bit() const {
    fail(ErrorCode::kBadFile, path_, ": a mask has only the numbers 0 (visible) and 1 (covered)");
  }
  void check_count(std::size_t count, std::size_t wanted, const char* what) const {
    require(count == wanted, ErrorCode::kBadFile, path_, ": ", count, ' ', what,
            ", but the model's ", rows_, " x ", columns_, " patches need ", wanted);
  }

 private:
  std::string path_;
  int rows_, columns_;
};

void append_bits(const JsonValue& array, const Complaint& complaint,
                 std::vector<std::uint8_t>& mask) {
  for (const JsonValue& value : array.list()) {
    const bool bit = value.is_boolean() ||
                     (value.is_number() && (value.number() == 0 || value.number() == 1));
    if (!bit) complaint.not_a_bit();
    mask.push_back(value.is_boolean() ? value.boolean() : value.number() == 1);
  }
}

std::vector<std::uint8_t> mask_from_json(const std::string& text, const std::string& path, int rows,
                                         int columns) {
  const Complaint complaint(path, rows, columns);
  JsonValue document;
  try {
    document = parse_strict_json(text, path);
  } catch (const Error& error) {
    fail(ErrorCode::kBadFile, error.what());
  }
  const JsonValue* array = &document;
  for (const char* name : {"patches", "occluded"})
    if (const JsonValue* inside = array->find(name)) array = inside;
  require(array->is_list(), ErrorCode::kBadFile, path,
          ": no mask in this JSON: an array of 0 and 1 is expected, alone or as \"occluded\"");
  std::vector<std::uint8_t> mask;
  const auto patches = static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
  const JsonValue::List& list = array->list();
  if (!list.empty() && list.front().is_list()) {
    complaint.check_count(list.size(), static_cast<std::size_t>(rows), "rows");
    for (const JsonValue& row : list) {
      require(row.is_list(), ErrorCode::kBadFile, path, ": not every row of the mask is an array");
      complaint.check_count(row.list().size(), static_cast<std::size_t>(columns), "values in a row");
      append_bits(row, complaint, mask);
    }
  } else {
    complaint.check_count(list.size(), patches, "values");
    append_bits(*array, complaint, mask);
  }
  return mask;
}

std::vector<std::uint8_t> mask_from_text(const std::string& text, const std::string& path, int rows,
                                         int columns) {
  const Complaint complaint(path, rows, columns);
  std::vector<std::uint8_t> mask;
  for (const char c : text) {
    if (c == '0' || c == '1')
      mask.push_back(c == '1');
    else if (c != ',' && kSpace.find(c) == std::string_view::npos)
      complaint.not_a_bit();
  }
  complaint.check_count(
      mask.size(), static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns), "values");
  return mask;
}

}  // namespace

std::vector<std::uint8_t> load_mask(const std::filesystem::path& path, int rows, int columns) {
  const std::string text = read_beginning(path);
  const std::size_t start = text.find_first_not_of(kSpace);
  const char first = start == std::string::npos ? '\0' : text[start];
  const bool json = first == '[' || first == '{';
  if (!json && first != '0' && first != '1')
    return mask_from_picture(load_image(path), rows, columns);
  require(text.size() <= kMaxTextBytes, ErrorCode::kBadFile, path.string(),
          ": a mask as text has at most ", kMaxTextBytes, " bytes");
  return json ? mask_from_json(text, path.string(), rows, columns)
              : mask_from_text(text, path.string(), rows, columns);
}

}  // namespace ofer
