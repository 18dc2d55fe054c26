// Which patches matter to the recogniser: the list of latent_selection "fixed".
#pragma once

#include <span>
#include <vector>

#include "ofer/data/face_store.h"
#include "ofer/pipeline.h"

namespace ofer {

// [L], in raster order: the recogniser's spatial attention at the patches, mean over its heads
// (Recogniser::Output::attention_grid) and over these faces. Throws kBadArgument without faces.
std::vector<float> mean_attention(Pipeline& pipeline, const FaceStore& faces,
                                  std::span<const std::size_t> samples);

// The `count` patches of largest value (of equals the first), in raster order: section 5.3 of the
// method. Throws kBadArgument when there are fewer.
std::vector<int> leading_patch_list(std::span<const float> map, std::size_t count);

// Moves the columns of a classifier's first layer, weight [out, patches W], from one list of
// patches to another as long: those of a patch that stays go to its new place, a new patch begins
// with zeros. Throws kBadArgument for a list of another length.
void move_patches(Session& s, const Tensor& weight, std::span<const int> before,
                  std::span<const int> after);

}  // namespace ofer
