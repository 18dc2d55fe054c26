// Convolution and transposed convolution layers.
#pragma once

#include "engine/ops.h"
#include "layers/parameters.h"

namespace ofer::layers {

struct Conv2d {
  Tensor weight;  // [out, in, kh, kw]
  Tensor bias;    // [out], or undefined
  ops::Conv2d options;

  Conv2d() = default;
  Conv2d(const Parameters& p, const ops::Conv2d& o)
      : weight(p("weight")), bias(p.optional("bias")), options(o) {}

  // x [N, in, H, W]; `before` is applied to x on its way in.
  Tensor operator()(Session& s, const Tensor& x,
                    ops::Activation before = ops::Activation::kNone, double slope = 0) const {
    return ops::conv2d(s, x, weight, bias, options.after(before, slope));
  }
};

struct ConvTranspose2d {
  Tensor weight;  // [in, out, kh, kw]
  Tensor bias;    // [out], or undefined
  ops::Conv2d options;

  ConvTranspose2d() = default;
  ConvTranspose2d(const Parameters& p, const ops::Conv2d& o)
      : weight(p("weight")), bias(p.optional("bias")), options(o) {}

  Tensor operator()(Session& s, const Tensor& x,
                    ops::Activation before = ops::Activation::kNone, double slope = 0) const {
    return ops::conv_transpose2d(s, x, weight, bias, options.after(before, slope));
  }
};

}  // namespace ofer::layers
