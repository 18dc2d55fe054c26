// Checkpoints of other programs: their tensors by name, read without running anything in them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/shape.h"

namespace ofer {

// One tensor of a checkpoint. Only what is asked for is read from the file.
struct CheckpointTensor {
  std::string name;             // as in the file, wrappers taken off (Checkpoint::open)
  Shape shape;                  // {}: a single number
  std::string_view dtype_name;  // "F32", "F16", "BF16", "F64", "I64", ...
  bool numeric = false;         // one of the four floating types, which read() converts
};

// An opened checkpoint. Everything its structure says has been checked before an object exists.
// Move-only. Any number of threads may read it.
class Checkpoint {
 public:
  // Which format it is, the content says:
  //   PyTorch's zip (since 1.6) and its older stream, with tensors in nested dictionaries;
  //   safetensors; and an index (*.safetensors.index.json) of several safetensors beside it.
  // A dictionary that wraps the tensors ("model", "state_dict", "model_state_dict") is taken off,
  // of several the one that is there first in that order; so is a "module." before every name. What
  // lies beside the wrapper (optimiser state, counters) is not listed and its data never read.
  // Throws kIo when the file cannot be read, kBadFile in one line that names file and cause.
  static Checkpoint open(const std::filesystem::path& path);
  // The same from memory, which is copied. `name` stands for the file in errors.
  static Checkpoint from_bytes(std::span<const std::byte> bytes, std::string name);

  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;
  ~Checkpoint();

  const std::string& name() const;  // of the file, for messages
  std::string_view format() const;  // "PyTorch zip", "PyTorch stream", "safetensors", ...
  const std::vector<CheckpointTensor>& tensors() const;       // in the file's order
  const CheckpointTensor* find(std::string_view name) const;  // null: there is none
  // A plain number at the level of the tensors ("radius": 0.5); empty: there is none.
  std::optional<double> number(std::string_view name) const;

  // Elements [first, first + out.size()) of a numeric tensor in row-major order, whatever its
  // strides in the file. Throws kBadFile where the file has been cut since.
  void read(const CheckpointTensor& tensor, std::int64_t first, std::span<float> out) const;
  void read(const CheckpointTensor& tensor, std::int64_t first, std::span<double> out) const;

 private:
  struct Content;
  explicit Checkpoint(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

}  // namespace ofer
