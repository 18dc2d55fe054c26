// The configuration that a set of foreign checkpoints makes: sizes read off their shapes, and what
// no shape tells.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "weights/config.h"
#include "weights/convert_source.h"
#include "weights/json_settings.h"
#include "weights/source_names.h"

namespace ofer {

// A source and how its tensors are named.
struct NamedSource {
  const ConvertSource* source = nullptr;
  const NameTable* table = nullptr;
};

struct ConvertSizes {
  Config config;  // structure "layers"
  std::int64_t classes = 0;
  // Fields that no shape tells and nobody set, a line each: "decoder.heads = 16 (32 channels each,
  // as published)".
  std::vector<std::string> assumed;
};

// At most one source of each kind. The U-Net and the detector are left out where they have no
// source; the autoencoder and the recogniser then have the sizes of "base". Throws kBadFile when a
// source lacks what tells a size, kBadArgument for a wrong setting and for a field that neither
// shapes, published models nor settings tell, in one line that names it.
ConvertSizes read_sizes(const std::vector<NamedSource>& sources, const JsonSettings& settings);

}  // namespace ofer
