// Linear layer.
#pragma once

#include "engine/ops.h"
#include "layers/parameters.h"

namespace ofer::layers {

struct Linear {
  Tensor weight;  // [out, in]
  Tensor bias;    // [out], or undefined

  Linear() = default;
  explicit Linear(const Parameters& p) : weight(p("weight")), bias(p.optional("bias")) {}

  // x [..., in] -> [..., out]
  Tensor operator()(Session& s, const Tensor& x, const ops::LinearEnd& end = {}) const {
    return ops::linear(s, x, weight, bias, end);
  }
};

}  // namespace ofer::layers
