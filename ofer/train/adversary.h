// A network that is trained against a stage's: by turns, each with a loss of its own.
#pragma once

#include <vector>

#include "engine/session.h"
#include "ofer/train/trainable.h"

namespace ofer {

// Its weights are in memory of its own, on the device and in the element type of the stage's
// network. They belong to a run and its checkpoints, never to what the run ships.
class Adversary {
 public:
  virtual ~Adversary() = default;

  virtual const std::vector<Parameter>& parameters() const = 0;
  // Its objective [1] for the batch that the stage's loss() was computed of, recorded on a tape of
  // its own behind the stage's step: no gradient reaches the stage's weights. What it needs of that
  // pass the stage has copied to memory from its prepare().
  virtual Tensor loss(Session& s) = 0;
};

}  // namespace ofer
