#include "ofer/train/average.h"

#include <algorithm>

#include "engine/ops.h"

namespace ofer {

WeightAverage::WeightAverage(const Trainable& model, double decay, Session& session)
    : model_(model), decay_(decay) {
  require(decay > 0 && decay < 1, ErrorCode::kBadArgument,
          "the decay of the average is between 0 and 1, not ", decay);
  for (const Parameter& parameter : model.parameters()) {
    Buffer& memory = memory_.emplace_back(parameter.value.bytes(), session.device());
    values_.emplace_back(memory.data(), parameter.value.shape(), parameter.value.dtype(),
                         session.device());
    ops::copy_to(session, parameter.value, values_.back());
  }
  session.synchronise();
}

void WeightAverage::update(Session& session, std::int64_t step) {
  const auto t = static_cast<double>(step);
  const double d = std::min(decay_, (1 + t) / (10 + t));
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const Workspace::Scope scope(session.workspace());
    const Tensor& weight = model_.parameters()[i].value;
    const Tensor step_to = ops::subtract(session, weight, values_[i]);
    ops::accumulate(session, ops::scale(session, step_to, 1 - d), values_[i]);
  }
}

}  // namespace ofer
