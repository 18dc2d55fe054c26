// A weight file as it is shipped: the recogniser folded, the numbers narrow.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/dtype.h"
#include "weights/fold.h"

namespace ofer {

struct PackOptions {
  DType dtype = DType::kF16;    // or kBF16, kF32
  bool keep_structure = false;  // the recogniser as it is; one that is folded stays so either way
  std::string licence = "";     // what the numbers may be used for; empty: as the source says
  bool leave_unet = false;      // out: the recogniser then sees the autoencoder's picture
  int threads = 1;              // of the folds; the result does not depend on it
};

// Writes the model of `source` to `path`, with what its file says about itself, whole or not at
// all. Gives what the folds cost in accuracy (weights/fold.h); empty where nothing was folded.
// Throws kIo, kBadFile for a file that is no weight file, for a batch norm that cannot be folded,
// and, naming the tensor, for a number that `dtype` cannot hold; kBadArgument for another type.
std::vector<FoldError> pack_weights(const std::filesystem::path& source,
                                    const std::filesystem::path& path, const PackOptions& options);

}  // namespace ofer
