// Stage 2b: the U-Net with self-assembly, which refines the coarse image.
#pragma once

#include <vector>

#include "layers/unet_level.h"
#include "weights/config.h"

namespace ofer {

class UNet {
 public:
  UNet(const layers::Parameters& p, const UNetConfig& config);

  // What training compares with the features of the truth (section 4.6 of the method); h = w = U /
  // 8, g the base width.
  struct Features {
    Tensor hole;       // [M, 1, h, w], 1 at the masked positions
    Tensor assembled;  // [M, 8g, h, w], behind the self-assembly
    Tensor rising;     // [M, 8g, h, w], what comes up to that level from below, behind its ReLU
  };

  // coarse, image [M, 3, U, U] in [0, 1], hole [M, 1, U, U] (1 inside) -> refined [M, 3, U, U] in
  // [-1, 1], as the network gives it. Taps: input, hole, level0/in, level1/down, ..., output.
  // `features` (or null) only while a tape records: without one, layers take each other's memory.
  Tensor operator()(Session& s, const Tensor& coarse, const Tensor& image, const Tensor& hole,
                    Features* features = nullptr) const;

 private:
  Tensor input(Session& s, const Tensor& coarse, const Tensor& image, const Tensor& hole) const;
  Tensor assemble(Session& s, const Tensor& both, const Tensor& hole) const;

  layers::Conv2d first_;
  std::vector<layers::UNetLevel> levels_;  // [i] is level i + 1
  layers::ConvTranspose2d last_;
  ops::SelfAssembly variant_;
  bool flip_channels_;
};

}  // namespace ofer
