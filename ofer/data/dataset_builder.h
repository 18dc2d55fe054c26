// How the layouts of a data set add its faces.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "ofer/data/dataset.h"

namespace ofer {

// Where something stands, made into text only when there is something to say about it.
struct ListPlace {
  std::string_view file;
  std::int64_t line = 0;  // 0: the file or folder as a whole
  std::string text() const;
};

// Checks entries and adds the good ones to a data set; the others go into its report.
class DatasetBuilder {
 public:
  // Both are borrowed.
  DatasetBuilder(Dataset& dataset, const DatasetOptions& options)
      : dataset_(dataset), options_(options) {}

  // The numbers' meaning, from a layout that defines one.
  void set_numbers(std::vector<std::string> names, int first);

  // Is a face with this label kept, and with which one? `count`: how many faces that decides.
  std::optional<int> label(std::string_view text, const ListPlace& place, std::size_t count = 1);

  // The file that a list's name means, or nothing when the name is unsafe or no name.
  std::optional<std::filesystem::path> file(std::string_view name, const ListPlace& place);

  // Adds the face when its file is there.
  bool add(Sample sample, const ListPlace& place);
  // Adds a face that is known to be there.
  void add_known(Sample sample) { dataset_.samples.push_back(std::move(sample)); }

  DataReport& report() { return dataset_.report; }
  const DatasetOptions& options() const { return options_; }
  // The set as a whole: load_dataset's errors and warnings.
  void finish();

 private:
  Dataset& dataset_;
  const DatasetOptions& options_;
  std::vector<std::string> numbers_;
  int first_number_ = 0;
  bool numbers_set_ = false;
  std::size_t named_ = 0;
  // Labels that are numbers without a meaning, and where the first one stands.
  std::size_t bare_numbers_ = 0;
  std::string first_bare_number_;
};

// train, val or test for the words that data sets use for them; else the word in lower case.
std::string split_name(std::string_view text);
// Is it one of those words?
bool is_split_word(std::string_view text);

// A table's columns by their names: index, or -1.
struct CsvColumns {
  int file = -1, label = -1, split = -1, source = -1, identity = -1, pixels = -1;
  char separator = ',';
};
// From a table's first line.
CsvColumns csv_columns(std::string_view header);

// The layouts. `list` is the list or table, `folder` what its names count from.
void read_list(DatasetBuilder& builder, const std::filesystem::path& list);
void read_csv(DatasetBuilder& builder, const std::filesystem::path& table);
void read_fer2013(DatasetBuilder& builder, const std::filesystem::path& table);
void read_rafdb(DatasetBuilder& builder, const std::filesystem::path& list,
                const std::filesystem::path& root);
void read_folders(DatasetBuilder& builder, const std::filesystem::path& folder);
void read_pictures(DatasetBuilder& builder, const std::filesystem::path& folder);

}  // namespace ofer
