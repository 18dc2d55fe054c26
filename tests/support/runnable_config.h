// A model that runs in milliseconds.
#pragma once

#include <string>

#include "tests/support/temporary_folder.h"
#include "weights/weight_file.h"

namespace ofer::test {

// A model with every part, 4 x 4 patches, small enough to run in milliseconds.
inline Config runnable_config() {
  Config config = builtin_config("small");
  config.name = "tiny";
  config.image_size = 32;
  config.patch_size = 8;
  config.encoder = {24, 2, 3, 48};
  static_cast<EncoderConfig&>(config.decoder) = {16, 1, 2, 40};
  config.detector.spheres = {{}};
  config.detector.spheres[0].taps = {"norm"};
  config.detector.spheres[0].widths = {12, 6};
  config.unet->image_size = 48;
  config.detector.smoothing = 0;
  config.unet->composite = false;
  config.unet->levels = 4;
  config.unet->width = 4;
  config.recogniser.image_size = 64;
  config.recogniser.widths = {8, 12, 16, 24};
  config.recogniser.blocks = {1, 1, 1, 1};
  config.recogniser.heads = 2;
  config.recogniser.channel_width = 4;
  config.recogniser.spatial_width = 8;
  config.recogniser.latent_selection = LatentSelection::kFixed;
  config.recogniser.latent_patches = {1, 2, 5, 6, 9};
  config.recogniser.latent_widths = {20, 18, 12, 8};
  config.recogniser.joint_widths = {10, 9};
  return config;
}

// Untrained weights of that model, written once for all tests of the process.
inline std::string tiny_weights() {
  struct Written {
    TemporaryFolder folder;
    std::string path = (folder / "tiny.safetensors").string();
    Written() { write_initial_weights(runnable_config(), 1, path); }
  };
  static const Written written;
  return written.path;
}

}  // namespace ofer::test
