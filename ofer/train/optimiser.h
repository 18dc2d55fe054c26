// Moves a set of parameters by their gradients: SGD, Adam, AdamW, with clipping.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/buffer.h"
#include "engine/session.h"
#include "engine/staging.h"
#include "ofer/train/trainable.h"

namespace ofer {

enum class OptimiserKind : std::uint8_t { kSgd, kAdam, kAdamW };

struct OptimiserOptions {
  OptimiserKind kind = OptimiserKind::kAdamW;
  double momentum = 0.9;  // SGD
  bool nesterov = false;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;  // Adam
  double weight_decay = 0;                        // of parameters that decay
  double clip = 0;  // gradients are scaled down to this norm over all parameters; 0: never
};

// What training keeps for one parameter between steps.
struct OptimiserState {
  std::string name;  // the parameter's
  Tensor first;      // SGD: velocity (undefined without momentum); Adam: mean
  Tensor second;     // Adam: mean square
};

// Used by one thread at a time, on the device of the session that it is made with.
class Optimiser {
 public:
  Optimiser(std::vector<Parameter> parameters, const OptimiserOptions& options, Session& session);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  // Gradients of these parameters are wanted: at the beginning of a recording.
  void watch(Tape& tape) const;

  // Takes one step by the gradients that the session's tape has found; parameters that none reached
  // stay. Returns the gradients' norm before clipping. Throws kBadArgument, naming a parameter,
  // when a gradient is not finite: then nothing has moved.
  double step(Session& session, const Tape& tape, double rate);

  std::int64_t steps() const { return steps_; }
  // For a checkpoint, and back from one.
  const std::vector<OptimiserState>& state() const { return state_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }

 private:
  double norm_of(Session& session, const std::vector<Tensor>& gradients);

  std::vector<Parameter> parameters_;
  OptimiserOptions options_;
  std::vector<Buffer> memory_;
  std::vector<OptimiserState> state_;  // by parameter
  std::int64_t steps_ = 0;
  Staging staging_;
};

}  // namespace ofer
