// The layouts that lie in folders: one per class, and RAF-DB's.
#include <algorithm>
#include <array>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "ofer/data/dataset_builder.h"
#include "ofer/data/labels.h"
#include "ofer/data/picture_files.h"
#include "ofer/data/text_lines.h"

namespace ofer {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_listing(const fs::filesystem_error& error) {
  fail(ErrorCode::kIo, quotable(error.path1().string()),
       ": cannot list this folder: ", error.code().message());
}

// The folders in a folder, sorted; hidden ones are none of the data.
std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    std::error_code ignored;
    if (entry.is_directory(ignored) && !entry.path().filename().string().starts_with('.'))
      found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

void add_class(DatasetBuilder& builder, const fs::path& folder, const std::string& split) {
  const std::vector<fs::path> pictures = list_pictures(folder, true);
  const std::string name = folder.filename().string(), shown = folder.string();
  const std::optional<int> label = builder.label(name, {shown}, pictures.size());
  if (!label) return;
  for (const fs::path& picture : pictures) {
    Sample sample;
    sample.path = picture;
    sample.label = *label;
    sample.split = split;
    builder.add(std::move(sample), {shown});
  }
}

}  // namespace

void read_folders(DatasetBuilder& builder, const fs::path& folder) {
  const auto loose = [&](const fs::path& where) {
    const std::string shown = where.string();
    for (const fs::path& picture : list_pictures(where, false)) {
      const std::optional<int> label = builder.label("", {shown});
      if (!label) continue;
      Sample sample;
      sample.path = picture;
      builder.add(std::move(sample), {shown});
    }
  };
  try {
    loose(folder);
    for (const fs::path& inner : folders_in(folder)) {
      const std::string name = inner.filename().string();
      if (!is_split_word(name)) {
        add_class(builder, inner, "");
        continue;
      }
      loose(inner);
      for (const fs::path& one : folders_in(inner)) add_class(builder, one, split_name(name));
    }
  } catch (const fs::filesystem_error& error) {
    fail_listing(error);
  }
}

void read_pictures(DatasetBuilder& builder, const fs::path& folder) {
  const std::string shown = folder.string();
  try {
    for (const fs::path& picture : list_pictures(folder, true)) {
      Sample sample;
      sample.path = picture;
      builder.add(std::move(sample), {shown});
    }
  } catch (const fs::filesystem_error& error) {
    fail_listing(error);
  }
}

void read_rafdb(DatasetBuilder& builder, const fs::path& list, const fs::path& root) {
  builder.set_numbers({"surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"},
                      1);
  // Image/original holds whole photographs, which are no aligned faces.
  std::vector<fs::path> folders;
  for (const fs::path& folder :
       {root / "Image" / "aligned", root / "aligned", list.parent_path(), root}) {
    std::error_code ignored;
    if (fs::is_directory(folder, ignored)) folders.push_back(folder);
  }
  const auto find = [&](const fs::path& name) {
    const fs::path aligned = name.stem().string() + "_aligned" + name.extension().string();
    for (const fs::path& folder : folders)
      for (const fs::path& one : {aligned, name}) {
        std::error_code ignored;
        if (fs::is_regular_file(folder / one, ignored)) return folder / one;
      }
    return folders.front() / aligned;
  };

  const std::string shown = list.filename().string();
  TextLines lines(list);
  bool compound = false;
  while (lines.next()) {
    const std::string_view line = trimmed(lines.text());
    if (line.empty()) continue;
    const ListPlace place{shown, lines.number()};
    const std::size_t space = line.find_last_of(" \t");
    if (lines.too_long() || space == line.npos) {
      builder.report().add(DataProblem::kBadLine, place.text() + ": not a name and a number");
      continue;
    }
    const std::string_view name = trimmed(line.substr(0, space));
    if (!builder.file(name, place)) continue;
    const std::optional<int> number = whole_number(line.substr(space + 1));
    compound = compound || (number && *number > 7 && *number <= 11);
    const std::optional<int> label = builder.label(line.substr(space + 1), place);
    if (!label) continue;
    Sample sample;
    sample.path = find(name);
    sample.label = *label;
    sample.split = split_name(name.substr(0, std::min(name.find('_'), name.size())));
    if (!is_split_word(sample.split)) sample.split.clear();
    sample.source = "rafdb";
    builder.add(std::move(sample), place);
  }
  if (compound)
    builder.report().warn(message(quotable(list.string()),
                                  " has labels above 7, as RAF-DB's compound set has, whose 1 to 7 "
                                  "are other expressions; the basic set is what is read here"));
}

}  // namespace ofer
