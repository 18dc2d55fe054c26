// An exponential moving average of weights: what a long run ships instead of its last step.
#pragma once

#include <vector>

#include "engine/buffer.h"
#include "engine/session.h"
#include "ofer/train/trainable.h"

namespace ofer {

// average += (1 - d) (weights - average) behind every step, with d = min(decay, (1 + t) / (10 + t))
// at step t, so that a young average forgets where it began. Of every parameter, statistics
// included. On the session's device; one thread at a time.
class WeightAverage {
 public:
  // Starts as the weights are.
  WeightAverage(const Trainable& model, double decay, Session& session);

  void update(Session& session, std::int64_t step);
  // By parameter, in the order of Trainable::parameters().
  const std::vector<Tensor>& values() const { return values_; }

 private:
  const Trainable& model_;
  double decay_;
  std::vector<Buffer> memory_;
  std::vector<Tensor> values_;
};

}  // namespace ofer
