// A batch's results in memory of the caller's.
#pragma once

#include <cstdint>
#include <span>

namespace ofer {

// Where the results of a batch go, image after image; an empty span: not wanted. L patches, C
// classes; S and U as in Inputs, W the width of a latent vector.
struct Outputs {
  // The spans lie in the memory of the session's device. Then nothing is waited for: they are
  // written in the order of the session's stream.
  bool on_device = false;
  std::span<std::int32_t> label;    // [count]: the most probable class
  std::span<float> probabilities;   // [count, C]
  std::span<float> distance;        // [count, L]; only where it is detected
  std::span<std::uint8_t> covered;  // [count, L]: 1 covered
  std::span<std::uint8_t> chosen;   // [count, L]: 1 where the classifier saw a patch's latent
  std::span<float> coarse;          // [count, 3, S, S] in [0, 1]
  std::span<float> restored;        // [count, 3, U, U] in [0, 1]
  std::span<float> attention;       // [count, rows, columns]
  std::span<float> grad_cam;        // [count, h, w], Pipeline::grad_cam_size
  std::span<float> latent;          // [count, L, W]
};

}  // namespace ofer
