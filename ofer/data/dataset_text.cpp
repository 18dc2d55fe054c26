// The layouts list and csv, and FER-2013's table.
#include <array>
#include <initializer_list>
#include <string>
#include <utility>

#include "engine/error.h"
#include "ofer/data/dataset_builder.h"
#include "ofer/data/labels.h"
#include "ofer/data/picture_files.h"
#include "ofer/data/pixel_text.h"
#include "ofer/data/text_lines.h"

namespace ofer {

namespace {

namespace fs = std::filesystem;

// The next line that says something, blank ones skipped and overlong ones reported.
bool next_entry(TextLines& lines, DatasetBuilder& builder, const std::string& name) {
  while (lines.next()) {
    if (lines.too_long())
      builder.report().add(DataProblem::kBadLine,
                           message(ListPlace{name, lines.number()}.text(), ": more than ",
                                   TextLines::kLongest, " bytes"));
    else if (!trimmed(lines.text()).empty())
      return true;
  }
  return false;
}

// A table's lines as fields.
class CsvLines {
 public:
  CsvLines(DatasetBuilder& builder, const fs::path& table)
      : name_(table.filename().string()), builder_(builder), lines_(table) {
    require(next_entry(lines_, builder, name_), ErrorCode::kBadFile, quotable(table.string()),
            ": empty; the first line must name the columns");
    columns_ = csv_columns(lines_.text());
  }

  // The next readable line; false behind the last.
  bool next() {
    while (next_entry(lines_, builder_, name_)) {
      if (split_csv(lines_.text(), columns_.separator, fields_)) return true;
      report("a quote that does not end in this line");
    }
    return false;
  }

  const CsvColumns& columns() const { return columns_; }
  ListPlace place() const { return {name_, lines_.number()}; }
  std::int64_t offset() const { return lines_.offset(); }
  // nullptr when the table or this line has no such column.
  const CsvField* field(int column) const {
    return column >= 0 && static_cast<std::size_t>(column) < fields_.size()
               ? &fields_[static_cast<std::size_t>(column)]
               : nullptr;
  }
  std::string text(int column) const {
    const CsvField* one = field(column);
    return one ? std::string(trimmed(one->text)) : std::string();
  }
  void report(std::string_view what) {
    builder_.report().add(DataProblem::kBadLine, message(place().text(), ": ", what));
  }

 private:
  std::string name_;
  DatasetBuilder& builder_;
  TextLines lines_;
  CsvColumns columns_;
  std::vector<CsvField> fields_;
};

}  // namespace

CsvColumns csv_columns(std::string_view header) {
  const auto read = [&](char separator) {
    CsvColumns columns;
    columns.separator = separator;
    std::vector<CsvField> fields;
    if (!split_csv(header, separator, fields)) return columns;
    const auto column = [&](std::initializer_list<std::string_view> names) {
      for (std::string_view name : names)
        for (std::size_t i = 0; i < fields.size(); ++i)
          if (lower_case(trimmed(fields[i].text)) == name) return static_cast<int>(i);
      return -1;
    };
    columns.file = column({"file", "name", "path", "image", "filename"});
    columns.label = column({"label", "emotion", "expression", "class"});
    columns.split = column({"split", "usage", "set"});
    columns.source = column({"source"});
    columns.identity = column({"identity", "person", "subject"});
    columns.pixels = column({"pixels"});
    return columns;
  };
  for (char separator : {',', ';', '\t'})
    if (const CsvColumns columns = read(separator); columns.file >= 0 || columns.pixels >= 0)
      return columns;
  return {};
}

void read_list(DatasetBuilder& builder, const fs::path& list) {
  const std::string name = list.filename().string();
  TextLines lines(list);
  while (next_entry(lines, builder, name)) {
    const ListPlace place{name, lines.number()};
    std::string_view file = trimmed(lines.text()), label;
    const std::size_t space = file.find_last_of(" \t");
    if (space != file.npos && !is_picture_name(file)) {
      label = file.substr(space + 1);
      file = trimmed(file.substr(0, space));
    }
    const std::optional<fs::path> path = builder.file(file, place);
    if (!path) continue;
    const std::optional<int> index = builder.label(label, place);
    if (!index) continue;
    Sample sample;
    sample.path = *path;
    sample.label = *index;
    builder.add(std::move(sample), place);
  }
}

void read_csv(DatasetBuilder& builder, const fs::path& table) {
  CsvLines lines(builder, table);
  const CsvColumns& columns = lines.columns();
  require(columns.file >= 0, ErrorCode::kBadFile, quotable(table.string()),
          ": the first line names no column file, name, path, image or filename");
  require(
      columns.label >= 0 || builder.options().labels.empty() || !builder.options().labels_needed,
      ErrorCode::kBadFile, quotable(table.string()),
      ": the first line names no column label, emotion, expression or class");
  while (lines.next()) {
    if (!lines.field(columns.file) || (columns.label >= 0 && !lines.field(columns.label))) {
      lines.report("fewer fields than the first line has columns");
      continue;
    }
    const ListPlace place = lines.place();
    const std::optional<fs::path> path = builder.file(lines.text(columns.file), place);
    if (!path) continue;
    const std::optional<int> index = builder.label(lines.text(columns.label), place);
    if (!index) continue;
    Sample sample;
    sample.path = *path;
    sample.label = *index;
    sample.split = split_name(lines.text(columns.split));
    sample.source = lines.text(columns.source);
    sample.identity = lines.text(columns.identity);
    builder.add(std::move(sample), place);
  }
}

void read_fer2013(DatasetBuilder& builder, const fs::path& table) {
  builder.set_numbers({"anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"},
                      0);
  CsvLines lines(builder, table);
  const CsvColumns& columns = lines.columns();
  require(columns.pixels >= 0 && columns.label >= 0, ErrorCode::kBadFile, quotable(table.string()),
          ": the first line must name the columns emotion and pixels");
  std::array<std::uint8_t, kPixelTextValues> values;
  while (lines.next()) {
    const CsvField *pixels = lines.field(columns.pixels), *emotion = lines.field(columns.label);
    if (!pixels || !emotion || !parse_pixel_text(pixels->text, values)) {
      lines.report("no 48 x 48 pixels of 0 to 255");
      continue;
    }
    const std::optional<int> index = builder.label(emotion->text, lines.place());
    if (!index) continue;
    Sample sample;
    sample.path = table;
    sample.offset = lines.offset() + static_cast<std::int64_t>(pixels->first);
    sample.length = static_cast<std::int64_t>(pixels->text.size());
    sample.label = *index;
    sample.split = split_name(lines.text(columns.split));
    sample.source = "fer2013";
    builder.add_known(std::move(sample));
  }
}

}  // namespace ofer
