#include "ofer/data/picture_files.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <system_error>

#include "ofer/data/labels.h"

namespace ofer {

namespace {

namespace fs = std::filesystem;

template <class Iterator>
void list_into(const fs::path& folder, std::vector<fs::path>& found) {
  for (const fs::directory_entry& entry :
       Iterator(folder, fs::directory_options::skip_permission_denied)) {
    if (!is_picture_name(entry.path())) continue;
    std::error_code ignored;
    const fs::file_status status = entry.status(ignored);
    if (!fs::exists(status) || fs::is_regular_file(status)) found.push_back(entry.path());
  }
}

}  // namespace

bool is_picture_name(const fs::path& path) {
  const std::string extension = lower_case(path.extension().string());
  constexpr std::array<std::string_view, 5> kExtensions{".png", ".jpg", ".jpeg", ".jpe", ".bmp"};
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::vector<fs::path> list_pictures(const fs::path& folder, bool recursive) {
  std::vector<fs::path> found;
  // What may not be entered below is left out; the folder itself must open.
  fs::directory_iterator{folder};
  if (recursive)
    list_into<fs::recursive_directory_iterator>(folder, found);
  else
    list_into<fs::directory_iterator>(folder, found);
  // By the text of the path: a path's own order puts "a/b" before "a.b".
  std::sort(found.begin(), found.end(),
            [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  return found;
}

}  // namespace ofer
