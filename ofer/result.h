// What the pipeline tells about one image.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ofer {

// A small picture of numbers: `channels` planes of height x width.
struct Planes {
  int channels = 0, height = 0, width = 0;
  std::vector<float> values;
};

struct StageTimes {
  // Milliseconds. A batch's time is shared out evenly among its images.
  double detect = 0, reconstruct = 0, recognise = 0, total = 0;
};

struct Result {
  int label = 0;                     // index into the network's labels: the most probable
  std::vector<float> probabilities;  // one per label

  int rows = 0, columns = 0;          // the patch grid
  std::vector<float> distance;        // per patch; empty when nothing was detected
  float radius = 0;                   // a patch is covered when its distance > radius^2
  std::vector<std::uint8_t> occluded;  // per patch: 1 covered
  std::vector<std::int32_t> chosen;    // patches whose latent vectors the classifier saw

  // Only where they were asked for; values in [0, 1].
  Planes coarse;          // 3 planes, the autoencoder's picture
  Planes restored;        // 3 planes, what the recogniser worked on
  Planes attention;       // 1 plane on the patch grid, mean of the heads' maps (not scaled)
  Planes grad_cam;        // 1 plane at the chosen layer's resolution, scaled to [0, 1]
  Planes latent;          // 1 plane, patches x width

  StageTimes time_ms;
};

}  // namespace ofer
