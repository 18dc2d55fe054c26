#include "ofer/data/dataset_builder.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "engine/error.h"
#include "ofer/data/labels.h"

namespace ofer {

namespace {

namespace fs = std::filesystem;

constexpr std::pair<std::string_view, std::string_view> kSplitWords[] = {
    {"train", "train"},    {"training", "train"},  {"val", "val"},        {"valid", "val"},
    {"validation", "val"}, {"dev", "val"},         {"publictest", "val"}, {"test", "test"},
    {"testing", "test"},   {"privatetest", "test"}};

bool leads_out(const fs::path& name) {
  if (name.has_root_path()) return true;
  const fs::path plain = name.lexically_normal();
  return !plain.empty() && *plain.begin() == "..";
}

}  // namespace

std::string ListPlace::text() const {
  const std::string name = quotable(file);
  return line == 0 ? name : message(name, " line ", line);
}

std::string split_name(std::string_view text) {
  const std::string word = lower_case(trimmed(text));
  for (const auto& [known, split] : kSplitWords)
    if (word == known) return std::string(split);
  return word;
}

bool is_split_word(std::string_view text) {
  const std::string word = lower_case(trimmed(text));
  return std::any_of(std::begin(kSplitWords), std::end(kSplitWords),
                     [&](const auto& row) { return row.first == word; });
}

void DatasetBuilder::set_numbers(std::vector<std::string> names, int first) {
  numbers_ = std::move(names);
  first_number_ = first;
  numbers_set_ = true;
}

std::optional<int> DatasetBuilder::label(std::string_view text, const ListPlace& place,
                                         std::size_t count) {
  if (options_.labels.empty()) return -1;
  const std::optional<int> none =
      options_.labels_needed ? std::optional<int>() : std::optional<int>(-1);
  text = trimmed(text);
  if (text.empty()) {
    if (options_.labels_needed)
      report().add(DataProblem::kUnknownLabel, place.text() + ": no label", count);
    return none;
  }
  const std::vector<std::string>& numbers = numbers_set_ ? numbers_ : options_.numbers;
  const std::int64_t first = numbers_set_ ? first_number_ : options_.first_number;
  int index = -1;
  if (const std::optional<int> number = whole_number(text)) {
    const std::int64_t at = *number - first;
    if (at >= 0 && at < static_cast<std::int64_t>(numbers.size()))
      index = match_label(numbers[static_cast<std::size_t>(at)], options_.labels);
    else if (numbers.empty() && (index = match_label(text, options_.labels)) < 0) {
      if (bare_numbers_ == 0)
        first_bare_number_ = message(place.text(), ": the label is ", *number);
      bare_numbers_ += count;
    }
  } else {
    index = match_label(text, options_.labels);
  }
  if (index >= 0) {
    named_ += count;
    return index;
  }
  report().add(DataProblem::kUnknownLabel,
               message(place.text(), ": unknown label \"", quotable(text), '"'), count);
  return none;
}

std::optional<fs::path> DatasetBuilder::file(std::string_view name, const ListPlace& place) {
  name = trimmed(name);
  if (name.empty() || name.find('\0') != name.npos) {
    report().add(DataProblem::kBadLine, place.text() + ": no file name");
    return {};
  }
  const fs::path path(name);
  if (!options_.outside_allowed && leads_out(path)) {
    report().add(DataProblem::kUnsafePath,
                 message(place.text(), ": ", quotable(name), " leads out of the folder"));
    return {};
  }
  return dataset_.folder / path;
}

bool DatasetBuilder::add(Sample sample, const ListPlace& place) {
  std::error_code ignored;
  if (!fs::is_regular_file(sample.path, ignored)) {
    report().add(DataProblem::kMissingFile,
                 message(place.text(), ": ", quotable(sample.path.string()), " is not there"));
    return false;
  }
  add_known(std::move(sample));
  return true;
}

void DatasetBuilder::finish() {
  if (bare_numbers_ > 0 && named_ == 0) {
    const std::string text = message(first_bare_number_,
                                     ", and nothing tells which expression that is; give the "
                                     "expressions in the order of their numbers");
    require(!options_.labels_needed, ErrorCode::kBadArgument, text);
    report().warn(text);
  }
  if (dataset_.samples.empty()) {
    const std::string wrong = report().summary();
    std::string first;
    for (std::size_t i = 0; i < kDataProblems && first.empty(); ++i)
      if (const auto& examples = report().examples(static_cast<DataProblem>(i)); !examples.empty())
        first = "; first: " + examples.front();
    fail(ErrorCode::kBadFile, quotable(dataset_.folder.string()), ": no usable face in ",
         quotable(dataset_.found), wrong.empty() ? "" : ": ", wrong, first);
  }
  if (options_.labels.empty()) return;
  int one = -2;
  for (const Sample& sample : dataset_.samples) {
    if (sample.label < 0 || sample.label == one) continue;
    if (one >= 0) return;
    one = sample.label;
  }
  if (one >= 0)
    report().warn(message("every labelled face is of one class, ",
                          dataset_.labels[static_cast<std::size_t>(one)],
                          ": nothing can be learned about the others"));
}

}  // namespace ofer
