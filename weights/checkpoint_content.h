// The inside of a Checkpoint. Private to it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "weights/checkpoint.h"
#include "weights/checkpoint_part.h"

namespace ofer {

struct Checkpoint::Content {
  std::string name, format;
  std::vector<CheckpointSource> sources;
  std::vector<CheckpointTensor> tensors;
  std::vector<TensorPlace> places;
  std::map<std::string, std::size_t, std::less<>> index;
  std::map<std::string, double, std::less<>> numbers;

  // Adds what file number `source` gives.
  void add(CheckpointPart part, std::size_t source);
  // After the last file: takes "module." off, makes the indices, refuses names that come twice.
  void finish();
  // Its place in `tensors` and `places`. Throws kBadArgument for a tensor of another checkpoint.
  std::size_t number_of(const CheckpointTensor& tensor) const;
};

}  // namespace ofer
