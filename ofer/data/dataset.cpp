#include "ofer/data/dataset.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "engine/error.h"
#include "ofer/data/dataset_builder.h"
#include "ofer/data/labels.h"
#include "ofer/data/picture_files.h"
#include "ofer/data/text_lines.h"

namespace ofer {

namespace {

namespace fs = std::filesystem;

constexpr std::pair<DataLayout, std::string_view> kNames[] = {
    {DataLayout::kAuto, "auto"},         {DataLayout::kList, "list"},
    {DataLayout::kCsv, "csv"},           {DataLayout::kFolders, "folders"},
    {DataLayout::kRafDb, "rafdb"},       {DataLayout::kFer2013, "fer2013"},
    {DataLayout::kPictures, "pictures"},
};

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// What a layout reads, and what the names in it count from.
struct Source {
  DataLayout layout;
  fs::path file;    // list or table; empty for layouts of folders
  fs::path folder;  // the data set's
};

// The list of RAF-DB in or under the folder, and the folder that Image/ lies in.
std::optional<std::pair<fs::path, fs::path>> rafdb_list(const fs::path& folder) {
  constexpr const char* kList = "list_patition_label.txt";  // spelled so in the data set
  for (const fs::path& root : {folder, folder / "basic"})
    if (is_file(root / "EmoLabel" / kList)) return {{root / "EmoLabel" / kList, root}};
  if (is_file(folder / kList)) {
    const bool inner = folder.filename() == "EmoLabel";
    return {{folder / kList, inner ? folder.parent_path() : folder}};
  }
  return {};
}

std::string first_line(const fs::path& file) {
  TextLines lines(file);
  return lines.next() ? lines.text() : std::string();
}

// A table by its columns, or a list.
DataLayout layout_of_text(const fs::path& file) {
  const CsvColumns columns = csv_columns(first_line(file));
  if (columns.pixels >= 0 && columns.label >= 0) return DataLayout::kFer2013;
  if (columns.file >= 0) return DataLayout::kCsv;
  return DataLayout::kList;
}

// Files of the folder with this extension, sorted by name.
std::vector<fs::path> files_in(const fs::path& folder, std::string_view extension) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
    if (is_file(entry.path()) && lower_case(entry.path().extension().string()) == extension &&
        !lower_case(entry.path().filename().string()).starts_with("readme"))
      found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

// The list of a folder: one of the usual name, else the only one there.
std::optional<fs::path> text_in(const fs::path& folder, std::string_view extension) {
  for (const char* name : {"labels", "list", "fer2013"}) {
    const fs::path usual = folder / (name + std::string(extension));
    if (is_file(usual)) return usual;
  }
  const std::vector<fs::path> found = files_in(folder, extension);
  require(found.size() <= 1, ErrorCode::kBadFile, quotable(folder.string()), ": ",
          quotable(found.empty() ? "" : found[0].filename().string()), ", ",
          quotable(found.size() < 2 ? "" : found[1].filename().string()),
          found.size() > 2 ? " and others" : "",
          " could each be the list; name the one that is meant instead of the folder");
  if (found.empty()) return {};
  return found.front();
}

// Are there folders whose names are labels, or folders of splits with such?
bool has_class_folders(const fs::path& folder, const DatasetOptions& options) {
  const auto is_class = [&](const fs::path& path) {
    const std::string name = path.filename().string();
    return match_label(name, options.labels) >= 0 ||
           (!options.numbers.empty() && whole_number(name));
  };
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    if (!is_folder(entry.path())) continue;
    if (is_class(entry.path())) return true;
    if (!is_split_word(entry.path().filename().string())) continue;
    for (const fs::directory_entry& inner : fs::directory_iterator(entry.path(), ignored))
      if (is_folder(inner.path()) && is_class(inner.path())) return true;
  }
  return false;
}

Source look(const fs::path& folder, const DatasetOptions& options) {
  if (const auto list = rafdb_list(folder)) return {DataLayout::kRafDb, list->first, list->second};
  if (const auto table = text_in(folder, ".csv")) {
    const DataLayout layout = layout_of_text(*table);
    if (layout != DataLayout::kList) return {layout, *table, folder};
  }
  if (has_class_folders(folder, options)) return {DataLayout::kFolders, {}, folder};
  if (const auto list = text_in(folder, ".txt")) return {DataLayout::kList, *list, folder};
  if (options.labels.empty() || !options.labels_needed) return {DataLayout::kPictures, {}, folder};
  fail(ErrorCode::kBadFile, quotable(folder.string()),
       ": no data set found here; looked for EmoLabel/list_patition_label.txt (RAF-DB), a .csv "
       "with a column file or pixels, a folder named after an expression, a .txt list");
}

Source source_of(const fs::path& path, const DatasetOptions& options) {
  if (!is_folder(path)) {
    require(is_file(path), ErrorCode::kIo, quotable(path.string()), ": no such file or folder");
    const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    switch (options.layout) {
      case DataLayout::kAuto:
        if (path.filename() == "list_patition_label.txt") break;
        return {layout_of_text(path), path, folder};
      case DataLayout::kList:
      case DataLayout::kCsv:
      case DataLayout::kFer2013:
        return {options.layout, path, folder};
      case DataLayout::kRafDb:
        break;
      default:
        fail(ErrorCode::kBadArgument, quotable(path.string()), ": the layout ",
             name_of(options.layout), " needs a folder, and this is a file");
    }
    const bool inner = folder.filename() == "EmoLabel";
    return {DataLayout::kRafDb, path, inner ? folder.parent_path() : folder};
  }
  const auto needed = [&](const std::optional<fs::path>& file, const char* what) {
    require(file.has_value(), ErrorCode::kBadFile, quotable(path.string()), ": no ", what,
            " in this folder, which the layout ", name_of(options.layout), " needs");
    return *file;
  };
  switch (options.layout) {
    case DataLayout::kList:
      return {options.layout, needed(text_in(path, ".txt"), ".txt list"), path};
    case DataLayout::kCsv:
      return {options.layout, needed(text_in(path, ".csv"), ".csv table"), path};
    case DataLayout::kFer2013:
      if (const auto table = text_in(path, ".csv")) return {options.layout, *table, path};
      return {options.layout, {}, path};
    case DataLayout::kRafDb: {
      const auto list = rafdb_list(path);
      require(list.has_value(), ErrorCode::kBadFile, quotable(path.string()),
              ": no EmoLabel/list_patition_label.txt, which the layout rafdb needs");
      return {options.layout, list->first, list->second};
    }
    case DataLayout::kAuto:
      return look(path, options);
    default:
      return {options.layout, {}, path};
  }
}

}  // namespace

std::string_view name_of(DataLayout layout) {
  for (const auto& [known, name] : kNames)
    if (known == layout) return name;
  return "?";
}

std::optional<DataLayout> data_layout(std::string_view name) {
  for (const auto& [layout, known] : kNames)
    if (known == name) return layout;
  return {};
}

std::vector<std::size_t> Dataset::in_split(std::string_view split) const {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < samples.size(); ++i)
    if (split.empty() || samples[i].split == split) indices.push_back(i);
  return indices;
}

std::vector<std::size_t> Dataset::label_counts(const std::vector<std::size_t>& which) const {
  std::vector<std::size_t> counts(labels.size());
  for (std::size_t i : which)
    if (samples[i].label >= 0) ++counts[static_cast<std::size_t>(samples[i].label)];
  return counts;
}

Dataset load_dataset(const fs::path& path, const DatasetOptions& options) {
  const Source source = source_of(path, options);
  Dataset dataset;
  dataset.folder = source.folder;
  dataset.layout = source.layout;
  dataset.labels = options.labels;
  dataset.report = DataReport(options.shown_problems);
  dataset.found = message(name_of(source.layout), " (",
                          (source.file.empty() ? source.folder : source.file).string(), ')');
  DatasetBuilder builder(dataset, options);
  switch (source.layout) {
    case DataLayout::kList:
      read_list(builder, source.file);
      break;
    case DataLayout::kCsv:
      read_csv(builder, source.file);
      break;
    case DataLayout::kRafDb:
      read_rafdb(builder, source.file, source.folder);
      break;
    case DataLayout::kFer2013:
      if (source.file.empty())
        read_folders(builder, source.folder);
      else
        read_fer2013(builder, source.file);
      break;
    case DataLayout::kFolders:
      read_folders(builder, source.folder);
      break;
    case DataLayout::kPictures:
      read_pictures(builder, source.folder);
      break;
    case DataLayout::kAuto:
      OFER_ASSERT(source.layout != DataLayout::kAuto);
  }
  builder.finish();
  return dataset;
}

}  // namespace ofer
