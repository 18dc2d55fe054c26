// Faces to time the pipeline with: those of a file, or drawn ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ofer/network.h"
#include "ofer/pipeline.h"

namespace ofer::bench {

// A batch, and the memory that its spans lie in.
struct Batch {
  std::vector<float> vit, image;
  std::vector<std::uint8_t> mask;
  Inputs inputs;  // with the mask
};

// `count` faces of a file made by bench/peers/make_inputs.py ("vit_raw", "image", "mask"), from the
// beginning again where it has fewer. Throws kIo, kBadFile.
Batch batch_of_file(const std::string& path, const Network& network, std::int64_t count);

// `count` smooth pictures, each with one half of its patches covered: lower, upper, left, right in
// turn.
Batch drawn_batch(const Network& network, std::int64_t count);

}  // namespace ofer::bench
