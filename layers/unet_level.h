// One level of the reconstruction U-Net: a way down and a way up, each two convolutions with
// instance norms. Which activation stands in front of which convolution: leaky ReLU (0.2) on the way
// down, ReLU on the way up.
#pragma once

#include <optional>

#include "layers/conv.h"
#include "layers/norm.h"

namespace ofer::layers {

struct UNetLevel {
  static constexpr double kSlope = 0.2;

  // Way down: 4 x 4 convolution of stride 2, padding 3, dilation 2 (halves the map), then 3 x 3.
  Conv2d down;
  std::optional<InstanceNorm> down_norm;  // the innermost level has none of these three
  std::optional<Conv2d> in;
  std::optional<InstanceNorm> in_norm;
  // Way up: 3 x 3 transposed convolution, then 4 x 4 of stride 2 (doubles the map).
  std::optional<ConvTranspose2d> out;
  std::optional<InstanceNorm> out_norm;
  ConvTranspose2d up;
  InstanceNorm up_norm;

  UNetLevel(const Parameters& p, bool innermost);

  // x [N, C, H, W] -> [N, C, H / 2, W / 2], taps "down".
  Tensor shrink(Session& s, const Tensor& x) const;
  // x [N, C, h, w] -> [N, out, h, w], without the norm (the self-assembly may stand between).
  Tensor widen(Session& s, const Tensor& x) const;
  // x [N, C, h, w] -> [N, C', 2 h, 2 w], taps "out" and "up".
  Tensor grow(Session& s, const Tensor& x) const;
};

}  // namespace ofer::layers
