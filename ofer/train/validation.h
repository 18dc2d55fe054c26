// How a run does on faces that it does not learn from.
#pragma once

#include <memory>
#include <span>

#include "ofer/data/face_store.h"
#include "ofer/network.h"
#include "ofer/train/trainer.h"

namespace ofer {

// The weights that a run would ship now, their average where there is one, as a network in memory
// of its own, in float32 and on the model's device.
std::shared_ptr<const Network> shipped_network(Trainer& trainer, const Trainable& model);

// The share of these faces, as they are, whose most probable expression is their label; `use`: with
// which latent vectors. Faces without a label do not count. Throws kBadArgument when none is left.
double recognition_accuracy(const std::shared_ptr<const Network>& network,
                            const SessionOptions& session, const FaceStore& faces,
                            std::span<const std::size_t> samples,
                            LatentUse use = LatentUse::kChosen);

}  // namespace ofer
