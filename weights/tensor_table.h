// Every tensor of a model: name, shape, how it starts. One table for all who create, convert, load
// or list weights.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/shape.h"
#include "weights/config.h"

namespace ofer {

// What an untrained model's tensor is filled with (weights/initialise.h).
enum class InitRule : std::uint8_t {
  kConstant,   // `amount` everywhere
  kUniform,    // between -amount and amount
  kNormal,     // mean 0, standard deviation `amount`
  kCenter,     // a sphere's centre: between amount and 2 amount in magnitude, of either sign
  kPositions,  // two-dimensional sine-cosine positions
};

struct TensorSpec {
  std::string name;
  Shape shape;
  InitRule rule = InitRule::kConstant;
  double amount = 0;
};

// The tensors of a valid configuration (docs/model.md) for that many classes, in file order.
// Throws kBadArgument when `classes` is not from 1 to 65536.
std::vector<TensorSpec> tensor_table(const Config& config, std::int64_t classes);

// Numbers in the tensors whose names begin with `prefix`.
std::int64_t element_count(const std::vector<TensorSpec>& table, std::string_view prefix = "");

}  // namespace ofer
