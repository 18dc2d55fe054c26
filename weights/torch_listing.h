// From a pickle's dictionary to a checkpoint's tensors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "weights/checkpoint_part.h"
#include "weights/pickle.h"
#include "weights/torch_objects.h"

namespace ofer {

// Lists the tensors and numbers of the pickle's dictionary, wrappers taken off, those of
// dictionaries and lists inside it as "outer.inner". `storage_offsets`: where each storage of
// `objects` begins in the file. Throws kBadFile, messages begin with `file`.
CheckpointPart list_tensors(const Pickle& pickle, const TorchObjects& objects,
                            const std::vector<std::uint64_t>& storage_offsets,
                            const std::string& file);

}  // namespace ofer
