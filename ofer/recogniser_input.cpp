#include "ofer/recogniser_input.h"

#include "engine/ops.h"

namespace ofer {

Tensor recogniser_input(Session& s, const Network& network, const Tensor& raw,
                        const Tensor& restored, const Tensor& covered_flag) {
  const std::int64_t n = raw.size(0), size = network.config().recogniser.image_size;
  const Tensor flag = covered_flag.view({n, 1, 1, 1});
  Tensor x = ops::multiply(s, ops::resize(s, restored, size, size), flag);
  const Tensor clean =
      ops::multiply(s, ops::resize(s, raw, size, size), ops::scale(s, flag, -1, 1));
  x = ops::add(s, x, clean);
  return ops::divide(s, ops::subtract(s, x, network.mean()), network.deviation());
}

}  // namespace ofer
