// The two networks that tell refined images from true ones (section 4.6 of the method).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "layers/conv.h"
#include "layers/norm.h"
#include "ofer/train/trainable.h"

namespace ofer {

// A convolution of a discriminator: kernel 4, padding 1, in front of it, but for the first, a leaky
// ReLU of slope 0.2.
struct JudgeLayer {
  int channels, stride;
  bool norm;  // an instance norm behind it; the convolution then has no bias
};

// Convolutions in a row. Judges every patch of a map, not the whole.
class Discriminator {
 public:
  Discriminator(const layers::Parameters& p, std::span<const JudgeLayer> plan);
  // x [N, C, h, w] -> [N, C', h', w']: how true each place looks, by no scale of its own.
  Tensor operator()(Session& s, const Tensor& x) const;

 private:
  struct Layer {
    layers::Conv2d conv;
    std::optional<layers::InstanceNorm> norm;
  };
  std::vector<Layer> layers_;
};

struct DiscriminatorOptions {
  std::uint64_t seed = 1;
  int width = 64;  // of the first convolution; all others are multiples of it
};

// On images: w, 2w, 4w (stride 2), 8w, 1 (stride 1); on features: 8w three times (stride 2).
// Instance norms behind all but the first and the last. Convolutions start as N(0, 0.02), norms as
// 1 and 0, biases as 0, all by the seed and the tensor's name. Used by one thread at a time.
class Discriminators {
 public:
  // For images [N, 3, size, size] and features [N, channels, feature_size, feature_size]. Throws
  // kBadArgument for a width that cannot be and for sizes that leave nothing to judge.
  Discriminators(const DiscriminatorOptions& options, std::int64_t image_size,
                 std::int64_t feature_channels, std::int64_t feature_size, Precision precision,
                 Device device);

  // image_discriminator.layer0.weight, ..., feature_discriminator.layer1.norm.bias, ...
  const std::vector<Parameter>& parameters() const { return parameters_; }

  // images in [-1, 1].
  Tensor judge_images(Session& s, const Tensor& images) const { return (*images_)(s, images); }
  Tensor judge_features(Session& s, const Tensor& x) const { return (*features_)(s, x); }

 private:
  std::shared_ptr<const Model> model_;
  std::vector<Parameter> parameters_;
  std::optional<Discriminator> images_, features_;
};

}  // namespace ofer
