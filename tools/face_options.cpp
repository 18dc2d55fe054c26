#include "tools/face_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "engine/error.h"

namespace ofer {

namespace {

// "; there are: train, val", or nothing where no face is of a split.
std::string splits_of(const Dataset& dataset) {
  std::set<std::string> splits;
  for (const Sample& sample : dataset.samples) splits.insert(sample.split);
  splits.erase("");
  std::string text;
  for (const std::string& split : splits) text += (text.empty() ? "; there are: " : ", ") + split;
  return text;
}

}  // namespace

void add_face_options(CLI::App& command, FaceOptions& options, const std::string& group,
                      const char* default_split) {
  command.add_option("--data", options.data, "A folder of faces, a list, or a table")
      ->type_name("PATH")
      ->group(group);
  command
      .add_option("--layout", options.layout,
                  "auto (default), list, csv, folders, rafdb,\nfer2013 or pictures")
      ->type_name("NAME")
      ->group(group);
  command
      .add_option("--split", options.split,
                  message("The part of the data (default: ", default_split, ")"))
      ->type_name("NAME")
      ->group(group);
}

void tell(const DataReport& report, Console& console) {
  for (const std::string& warning : report.warnings())
    print_note(console, "ofer: warning: " + one_line(warning));
  if (report.total() == 0) return;
  print_note(console, "ofer: left out: " + report.summary());
  for (std::size_t problem = 0; problem < kDataProblems; ++problem)
    for (const std::string& example : report.examples(static_cast<DataProblem>(problem)))
      print_note(console, "  " + one_line(example));
}

std::unique_ptr<Faces> load_faces(const FaceOptions& options,
                                  const std::vector<std::string>& labels, int side, int threads,
                                  Console& console) {
  DatasetOptions wanted;
  const std::optional<DataLayout> layout = data_layout(options.layout);
  require(layout.has_value(), ErrorCode::kBadArgument, "--layout: no layout \"", options.layout,
          "\"");
  wanted.layout = *layout;
  wanted.labels = labels;
  wanted.labels_needed = options.labels_needed;
  auto faces = std::make_unique<Faces>();
  faces->dataset = load_dataset(options.data, wanted);
  faces->store = std::make_unique<FaceStore>(faces->dataset, FaceStoreOptions{.side = side});
  faces->store->check_all(threads);
  faces->split = options.split;
  for (const std::string& split : options.splits)
    if (faces->split.empty() && !faces->dataset.in_split(split).empty()) faces->split = split;
  const std::vector<std::size_t> usable = faces->store->usable();
  const std::vector<std::size_t> split = faces->dataset.in_split(faces->split);
  std::set_intersection(usable.begin(), usable.end(), split.begin(), split.end(),
                        std::back_inserter(faces->samples));
  require(!faces->samples.empty(), ErrorCode::kBadFile, options.data, ": no readable face",
          faces->split.empty() ? "" : " in split " + faces->split + splits_of(faces->dataset));
  if (!options.validation.empty())
    for (const std::size_t sample : faces->dataset.in_split(options.validation))
      if (std::binary_search(usable.begin(), usable.end(), sample) &&
          !std::binary_search(faces->samples.begin(), faces->samples.end(), sample))
        faces->validation.push_back(sample);
  faces->report = faces->dataset.report;
  faces->report.append(faces->store->report());
  tell(faces->report, console);
  return faces;
}

}  // namespace ofer
