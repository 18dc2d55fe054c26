#include "ofer/train/optimiser.h"

#include <algorithm>
#include <cmath>

#include "engine/ops.h"

namespace ofer {

Optimiser::Optimiser(std::vector<Parameter> parameters, const OptimiserOptions& options,
                     Session& session)
    : parameters_(std::move(parameters)), options_(options), staging_(session.device()) {
  const bool adam = options_.kind != OptimiserKind::kSgd;
  std::size_t largest = 0;
  for (const Parameter& parameter : parameters_)
    largest = std::max(largest, parameter.value.bytes());
  const std::vector<std::byte> zeros(largest);
  const auto zeroed = [&](const Tensor& like) {
    Buffer& memory = memory_.emplace_back(like.bytes(), session.device());
    const Tensor tensor(memory.data(), like.shape(), like.dtype(), session.device());
    session.to_device(tensor, zeros.data());
    return tensor;
  };
  for (const Parameter& parameter : parameters_) {
    OptimiserState& state = state_.emplace_back();
    state.name = parameter.name;
    if (adam || options_.momentum != 0) state.first = zeroed(parameter.value);
    if (adam) state.second = zeroed(parameter.value);
  }
  session.synchronise();
}

void Optimiser::watch(Tape& tape) const {
  for (const Parameter& parameter : parameters_) tape.watch_parameter(parameter.value);
}

// Of all gradients together. Each one's sum of squares comes to the host, so that one that is not
// finite can be named.
double Optimiser::norm_of(Session& session, const std::vector<Tensor>& gradients) {
  const auto count = static_cast<std::int64_t>(gradients.size());
  const Tensor sums = session.allocate({count});
  for (std::int64_t i = 0; i < count; ++i) {
    const Tensor& gradient = gradients[static_cast<std::size_t>(i)];
    const Workspace::Scope scope(session.workspace());
    const Tensor slot = sums.rows(i, 1);
    if (!gradient.defined())
      ops::copy_to(session, ops::full(session, {1}, 0), slot);
    else
      ops::copy_to(
          session,
          ops::sum(session, ops::square(session, gradient).view({1, gradient.elements()}), 1),
          slot);
  }
  if (session.counting()) return 0;
  staging_.fetch(session, std::span(&sums, 1));
  double total = 0;
  const std::span<const float> values = staging_.fetched(0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    require(std::isfinite(values[i]), ErrorCode::kBadArgument, "step ", steps_ + 1,
            ": the gradient of ", parameters_[i].name,
            " is not finite; a lower rate, a longer warm-up or clipping helps");
    total += double{values[i]};
  }
  return std::sqrt(total);
}

double Optimiser::step(Session& session, const Tape& tape, double rate) {
  std::vector<Tensor> gradients;
  for (const Parameter& parameter : parameters_)
    gradients.push_back(tape.gradient(parameter.value));
  const double norm = norm_of(session, gradients);
  const double scale = options_.clip > 0 && norm > options_.clip ? options_.clip / norm : 1;
  if (session.counting()) return norm;
  ++steps_;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!gradients[i].defined()) continue;
    const Parameter& parameter = parameters_[i];
    const Tensor gradient = gradients[i].view(parameter.value.shape());
    const double decay = parameter.decays ? options_.weight_decay : 0;
    if (options_.kind == OptimiserKind::kSgd) {
      ops::Sgd sgd;
      sgd.rate = rate;
      sgd.momentum = options_.momentum;
      sgd.nesterov = options_.nesterov;
      sgd.weight_decay = decay;
      sgd.gradient_scale = scale;
      ops::sgd_step(session, parameter.value, gradient, state_[i].first, sgd);
    } else {
      ops::Adam adam;
      adam.rate = rate;
      adam.beta1 = options_.beta1;
      adam.beta2 = options_.beta2;
      adam.eps = options_.eps;
      adam.weight_decay = decay;
      adam.gradient_scale = scale;
      adam.decoupled = options_.kind == OptimiserKind::kAdamW;
      ops::adam_step(session, parameter.value, gradient, state_[i].first, state_[i].second, steps_,
                     adam);
    }
  }
  return norm;
}

}  // namespace ofer
