// A model so small that a test can write and read its file many times.
#pragma once

#include "weights/config.h"

namespace ofer::test {

// A model of a few thousand numbers that has every kind of tensor.
inline Config tiny_config() {
  Config config = builtin_config("small");
  config.name = "tiny";
  config.image_size = 16;
  config.patch_size = 4;
  config.encoder = {8, 2, 2, 12};
  config.decoder = {{4, 1, 1, 8}, true};
  config.detector.encoder = EncoderConfig{4, 1, 1, 4};
  config.detector.spheres = {
      {.taps = {"block00", "norm"}, .widths = {3, 2}, .slope = 0.01, .by_position = true},
      {.kind = SphereKind::kKernel, .taps = {"norm"}, .support = 5, .gamma = 0.1}};
  config.unet = UNetConfig{.image_size = 16, .levels = 4, .width = 1};
  RecogniserConfig& r = config.recogniser;
  r.image_size = 32;
  r.widths = {2, 3, 4, 5};
  r.blocks = {1, 2, 1, 1};
  r.heads = 2;
  r.channel_width = 2;
  r.spatial_width = 3;
  r.latent_selection = LatentSelection::kFixed;
  r.latent_patches = {5, 6, 9};
  r.latent_widths = {6, 5, 4, 3};
  r.joint_widths = {4, 3};
  return config;
}

}  // namespace ofer::test
