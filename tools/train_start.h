// What a run of training starts from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "tools/console.h"
#include "weights/weight_file.h"

namespace ofer {

struct TrainStart {
  WeightInfo info;  // what the weights' file says
  LoadedWeights weights;
};

// `weights`, or, with `config` ("base", "small" or a JSON file) alone, drawn ones; with both the
// configuration's network, with what the weights have of it: tensors of the same name and shape,
// the autoencoder's encoder for one that the detector shall have for itself; all else is drawn, and
// named. What has to be made lies in `folder` (start.safetensors). Throws kBadArgument for neither,
// kBadFile for a folded recogniser, which cannot be trained.
TrainStart train_start(const std::string& weights, const std::string& config, std::uint64_t seed,
                       const std::filesystem::path& folder, Console& console);

}  // namespace ofer
