// What an untrained tensor starts with, as one vector.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "weights/initialise.h"

namespace ofer::test {

inline std::vector<float> values_of(const TensorSpec& spec, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(spec.shape.elements()));
  initial_values(spec, seed)(0, std::as_writable_bytes(std::span(values)));
  return values;
}

}  // namespace ofer::test
