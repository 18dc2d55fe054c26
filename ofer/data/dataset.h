// Which faces a data set holds: where each picture is, and what is said about it.
//
// Layouts:
//   list      lines `name label`: the last word is the label, what stands before it the name. A
//   line
//             that ends in a picture's extension is a name without a label.
//   csv       a table whose first line names the columns: file, name, path, image or filename;
//   label,
//             emotion, expression or class; and, if there, split, usage or set; source; identity,
//             person or subject. Separator: comma, semicolon or tab.
//   folders   one folder per class, at once or inside folders named after splits (train, test,
//   ...);
//             everything below a class's folder belongs to it.
//   rafdb     RAF-DB's own: EmoLabel/list_patition_label.txt with lines `train_00001.jpg 5`, and
//   the
//             aligned faces in Image/aligned or beside the list.
//   fer2013   FER-2013's own: a table with columns emotion, pixels and Usage; or its folder form,
//             which is `folders`.
//   pictures  every picture below the folder, without labels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ofer/data/data_report.h"

namespace ofer {

enum class DataLayout { kAuto, kList, kCsv, kFolders, kRafDb, kFer2013, kPictures };
inline constexpr DataLayout kDataLayouts[] = {
    DataLayout::kAuto,  DataLayout::kList,    DataLayout::kCsv,     DataLayout::kFolders,
    DataLayout::kRafDb, DataLayout::kFer2013, DataLayout::kPictures};

// "auto", "list", "csv", "folders", "rafdb", "fer2013", "pictures".
std::string_view name_of(DataLayout layout);
std::optional<DataLayout> data_layout(std::string_view name);

struct DatasetOptions {
  DataLayout layout = DataLayout::kAuto;
  // The labels of the model, in its order. Empty: labels are not looked at, every face has none.
  std::vector<std::string> labels;
  // Faces without a label of the model's are left out; else they stay, with label -1.
  bool labels_needed = true;
  // Which expressions the numbers first_number, first_number + 1, ... stand for where a set labels
  // by number. RAF-DB's and FER-2013's own layouts define theirs and do not look here.
  std::vector<std::string> numbers;
  int first_number = 0;
  // Names in lists may lead out of the folder (absolute ones, and "..").
  bool outside_allowed = false;
  // How many problems of each kind the report tells.
  std::size_t shown_problems = 10;
};

struct Sample {
  // The picture's file, or the table that holds its pixels as text (ofer/data/pixel_text.h): then
  // `length` > 0 bytes from `offset` on.
  std::filesystem::path path;
  std::int64_t offset = 0, length = 0;
  int label = -1;  // of Dataset::labels
  // As the data set says, or "". Splits are train, val and test, whatever word stands there for
  // them (Training, PublicTest, PrivateTest, valid, ...); another word stays, in lower case.
  std::string split, source, identity;
};

struct Dataset {
  std::filesystem::path folder;
  DataLayout layout = DataLayout::kAuto;  // the one that was used
  std::string found;                      // for people: "csv (faces/labels.csv)"
  std::vector<std::string> labels;
  std::vector<Sample> samples;  // in the order of the list, or sorted by path
  DataReport report;

  // Indices of the samples of a split; "" gives all.
  std::vector<std::size_t> in_split(std::string_view split) const;
  // How many of these samples each label has.
  std::vector<std::size_t> label_counts(const std::vector<std::size_t>& samples) const;
};

// Lists a data set; no picture is opened. `path` is its folder, or the list or table itself, whose
// names then count from its folder. What is wrong with single entries is left out, counted and told
// in the report; so is, as a warning, a set with one class only.
// Throws kIo when the path or the list is not there or cannot be read; kBadFile when a table lacks
// its columns, when no layout fits (told is what was looked for), and when no face is left; and
// kBadArgument when the set labels by numbers that nothing explains.
Dataset load_dataset(const std::filesystem::path& path, const DatasetOptions& options);

}  // namespace ofer
