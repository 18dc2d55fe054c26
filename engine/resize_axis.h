// The weights that resize an axis, made once and kept on a device.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>

#include "engine/buffer.h"
#include "engine/tensor.h"
#include "kernels/stream.h"

namespace ofer {

struct Backend;

// Output i is the sum over t < count[i] of weight[i, t] times input first[i] + t: first, count i32
// [out], weight [out, taps].
struct ResizeAxis {
  Tensor first, count, weight;
  std::int64_t taps = 0;
};

// Every axis that a session has resized: a handful for a pipeline. Each is made at its first use,
// when the pass is counted, so that later passes neither compute nor copy weights.
class ResizeAxes {
 public:
  // Weights of `dtype` (f32, f64 or bf16) in the memory of `device`.
  ResizeAxes(const Backend& backend, Device device, DType dtype)
      : backend_(backend), device_(device), dtype_(dtype) {}

  // Antialiased bilinear, or nearest: input floor(i in / out). in, out > 0.
  const ResizeAxis& get(std::int64_t in, std::int64_t out, bool nearest, kernels::Stream& stream);

 private:
  struct Kept {
    Buffer memory;
    ResizeAxis axis;
  };
  const Backend& backend_;
  Device device_;
  DType dtype_;
  std::map<std::tuple<std::int64_t, std::int64_t, bool>, Kept> axes_;
};

}  // namespace ofer
