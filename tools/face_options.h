// The faces that a command works on, as its options name them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ofer/data/dataset.h"
#include "ofer/data/face_store.h"
#include "tools/console.h"

namespace CLI {
class App;
}

namespace ofer {

struct FaceOptions {
  std::string data;             // a folder, list or table
  std::string layout = "auto";  // of kDataLayouts
  std::string split;            // "": the first of `splits` that the data have, else all
  std::vector<std::string> splits;
  std::string validation = "";  // a split to measure by; "": none
  bool labels_needed = false;   // faces without a label of `labels` are left out, and counted
};

struct Faces {
  Dataset dataset;
  std::unique_ptr<FaceStore> store;
  std::string split;                    // the one that was taken, or "" for all
  std::vector<std::size_t> samples;     // of the data set: readable, and in the split
  std::vector<std::size_t> validation;  // likewise of that split, but for those of `samples`
  DataReport report;                    // of the whole set
};

// --data, --layout and --split, in this group of the command's help; `default_split` says which is
// taken where none is named. Throws nothing; --data may be missing.
void add_face_options(CLI::App& command, FaceOptions& options, const std::string& group,
                      const char* default_split);

// Prints what is wrong with single faces: no reason to stop, but nobody shall miss it.
void tell(const DataReport& report, Console& console);

// Lists the faces and reads each once at side x side. Faces without a label of `labels` stay, with
// label -1, unless labels are needed. What is wrong is told. Throws what load_dataset throws, and
// kBadFile when no face is left.
std::unique_ptr<Faces> load_faces(const FaceOptions& options,
                                  const std::vector<std::string>& labels, int side, int threads,
                                  Console& console);

}  // namespace ofer
