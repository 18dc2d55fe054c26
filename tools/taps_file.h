// Every named intermediate of a run, as a safetensors file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dtype.h"
#include "engine/shape.h"
#include "engine/tensor.h"
#include "tools/scratch_file.h"

namespace ofer {

// The tensors keep their element type and have the taps' names (docs/model.md). Where a run has
// more than one pass (batch), each name has the pass's number in front, of five digits or more:
// "00000/detect/mask". The metadata's "passes" is a JSON array with one object for each pass:
// {"prefix": "00000/", "files": ["a.png", ...]}, the files in the order of the tensors' rows.
//
// Memory holds names and places only. The values wait in a nameless file in the target's folder
// (the format wants all names before the first value), so the disk needs room for them twice.
// One thread at a time.
class TapsFile {
 public:
  // Throws kIo, naming folder and cause, when nothing can be written there.
  TapsFile(std::filesystem::path path, std::size_t passes);

  // Begins a pass over these files.
  void begin_pass(std::span<const std::string> files);
  // Takes one tensor; for Session::set_tap. Throws kIo, as on a full disk; then failed() is true,
  // so that a caller can tell it from an error of the pass.
  void add(std::string_view name, const Tensor& tensor);
  // Forgets the pass that was begun: it failed.
  void drop_pass();

  bool failed() const { return failed_; }
  std::size_t size() const { return entries_.size(); }  // tensors

  // Writes the file, whole or not at all. `metadata` is added to the file's. Throws kIo.
  void commit(std::map<std::string, std::string, std::less<>> metadata);

 private:
  struct Entry {
    std::string name;
    DType dtype;
    Shape shape;
    std::uint64_t offset;
  };
  struct Pass {
    std::string prefix;
    std::vector<std::string> files;
    std::size_t first_entry;
    std::uint64_t first_byte;
  };

  std::filesystem::path path_;
  bool numbered_;
  ScratchFile values_;
  std::vector<Entry> entries_;
  std::vector<Pass> passes_;
  std::size_t begun_ = 0;
  bool failed_ = false;
};

}  // namespace ofer
