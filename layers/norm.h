// Layer, instance and batch normalisation layers.
#pragma once

#include "engine/ops.h"
#include "layers/parameters.h"

namespace ofer::layers {

// Over the last axis.
struct LayerNorm {
  static constexpr double kEps = 1e-6;
  Tensor weight, bias;

  LayerNorm() = default;
  explicit LayerNorm(const Parameters& p) : weight(p("weight")), bias(p("bias")) {}
  Tensor operator()(Session& s, const Tensor& x) const {
    return ops::layer_norm(s, x, weight, bias, kEps);
  }
};

// Over the positions of each image's channel. The result takes x's memory, unless a tape records.
struct InstanceNorm {
  static constexpr double kEps = 1e-5;
  Tensor weight, bias;

  InstanceNorm() = default;
  explicit InstanceNorm(const Parameters& p) : weight(p("weight")), bias(p("bias")) {}
  Tensor operator()(Session& s, const Tensor& x) const {
    return ops::instance_norm(s, x, weight, bias, kEps, true);
  }
};

// With running statistics. A model that holds none (its batch norms were folded into the layers in
// front of them at conversion) makes this the identity. In a session that trains, the statistics are
// the batch's (Session::set_training).
struct BatchNorm {
  static constexpr double kEps = 1e-5;
  Tensor weight, bias, mean, variance;

  BatchNorm() = default;
  explicit BatchNorm(const Parameters& p)
      : weight(p.optional("weight")),
        bias(p.optional("bias")),
        mean(p.optional("mean")),
        variance(p.optional("variance")) {}
  Tensor operator()(Session& s, const Tensor& x) const {
    if (!weight.defined()) return x;
    ops::BatchNorm norm;
    norm.weight = weight;
    norm.bias = bias;
    norm.mean = mean;
    norm.variance = variance;
    norm.eps = kEps;
    norm.training = s.training();
    return ops::batch_norm(s, x, norm);
  }
};

}  // namespace ofer::layers
