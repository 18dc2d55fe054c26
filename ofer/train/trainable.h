// A network whose weights may be moved, and what training keeps for each of them.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/buffer.h"
#include "ofer/network.h"
#include "weights/weight_file.h"

namespace ofer {

// One tensor of the network, as its layers see it.
struct Parameter {
  std::string name;
  Tensor value;
  // A gradient moves it. Running statistics, fixed positions, centres and radii are moved by rules
  // of their own, or not at all.
  bool learned = true;
  // Weight decay draws it to zero: matrices and kernels; not biases, norms and tokens.
  bool decays = true;
};

// Is a tensor of that name one that gradients move?
bool is_learned(std::string_view name);

// Holds the weights in memory of its own. Used by one thread at a time, but for network(), which
// any number may read while nothing is moved.
class Trainable {
 public:
  // A copy of `start`: in float, whatever products round to, or, to check gradients by, in double.
  // Throws kOutOfMemory, and kUnsupported where the device would keep the weights in bfloat16,
  // which is coarser than a step is long.
  explicit Trainable(const LoadedWeights& start, Device device = {},
                     Precision precision = Precision::kF32);

  const Network& network() const { return *network_; }
  std::shared_ptr<const Network> shared_network() const { return network_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  // Throws kBadArgument for a name that it has not.
  const Parameter& parameter(std::string_view name) const;
  // The learned ones whose names begin with one of `prefixes`.
  std::vector<Parameter> learned(std::span<const std::string> prefixes) const;

 private:
  std::shared_ptr<const Network> network_;
  std::vector<Parameter> parameters_;
};

}  // namespace ofer
