// The basic block of ResNet-18: two 3 x 3 convolutions and a shortcut.
#pragma once

#include <optional>

#include "layers/conv.h"
#include "layers/norm.h"

namespace ofer::layers {

// y = relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)); the shortcut is the identity, or a 1 x 1
// convolution with its batch norm where width or size change.
struct ResidualBlock {
  Conv2d conv1, conv2;
  BatchNorm bn1, bn2;
  std::optional<Conv2d> shortcut;
  BatchNorm shortcut_bn;

  ResidualBlock(const Parameters& p, int stride)
      : conv1(p.child("conv1"), ops::Conv2d::square(stride, 1)),
        conv2(p.child("conv2"), ops::Conv2d::square(1, 1)),
        bn1(p.child("bn1")),
        bn2(p.child("bn2")),
        shortcut_bn(p.child("shortcut.bn")) {
    if (p.contains("shortcut.conv.weight"))
      shortcut.emplace(p.child("shortcut.conv"), ops::Conv2d::square(stride, 0));
  }

  // x [N, C, H, W] -> [N, out, H / stride, W / stride]
  Tensor operator()(Session& s, const Tensor& x) const {
    Tensor y = conv1(s, x);
    y = ops::relu(s, bn1(s, y));
    y = bn2(s, conv2(s, y));
    const Tensor side = shortcut ? shortcut_bn(s, (*shortcut)(s, x)) : x;
    return ops::relu(s, ops::add(s, y, side));
  }
};

}  // namespace ofer::layers
