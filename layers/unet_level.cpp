#include "layers/unet_level.h"

namespace ofer::layers {

UNetLevel::UNetLevel(const Parameters& p, bool innermost)
    : down(p.child("down"), ops::Conv2d::square(2, 3, 2)),
      up(p.child("up"), ops::Conv2d::square(2, 1)),
      up_norm(p.child("up_norm")) {
  if (innermost) return;
  down_norm.emplace(p.child("down_norm"));
  in.emplace(p.child("in"), ops::Conv2d::square(1, 1));
  in_norm.emplace(p.child("in_norm"));
  out.emplace(p.child("out"), ops::Conv2d::square(1, 1));
  out_norm.emplace(p.child("out_norm"));
}

Tensor UNetLevel::shrink(Session& s, const Tensor& x) const {
  Tensor y = down(s, x, ops::Activation::kLeakyRelu, kSlope);
  if (down_norm) y = (*down_norm)(s, y);
  s.tap("down", y);
  return y;
}

Tensor UNetLevel::widen(Session& s, const Tensor& x) const {
  OFER_ASSERT(in.has_value());
  return (*in)(s, x, ops::Activation::kLeakyRelu, kSlope);
}

Tensor UNetLevel::grow(Session& s, const Tensor& x) const {
  Tensor y = x;
  if (out) {
    y = (*out_norm)(s, (*out)(s, y, ops::Activation::kRelu));
    s.tap("out", y);
  }
  y = up_norm(s, up(s, y, ops::Activation::kRelu));
  s.tap("up", y);
  return y;
}

}  // namespace ofer::layers
