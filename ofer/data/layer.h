// What lies before a face, apart from the face: a colour and an opacity for every pixel.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/image.h"

namespace ofer {

struct Layer {
  // Red, green, blue and opacity, 0 to 1 each; the colour of an opacity of 0 means nothing.
  struct Pixel {
    float red = 0, green = 0, blue = 0, opacity = 0;
  };
  int width = 0, height = 0;
  std::vector<Pixel> pixels;  // row by row

  Layer() = default;
  // Nothing anywhere. Sizes as engine/image.h allows; throws kBadArgument.
  Layer(int width, int height);
};

// A Gaussian of this standard deviation in pixels, over colour and opacity together; what lies
// outside the picture goes on as at its border. sigma 0 changes nothing; it must be finite and not
// negative (kBadArgument).
void soften(Layer& layer, float sigma);

struct CoveredFace {
  Image picture;
  // width x height: 0 where the face shows, 255 where it is hidden, between on an edge.
  std::vector<std::uint8_t> coverage;
};

// The face behind the layer: paint * opacity + face * (1 - opacity), rounded once. Throws
// kBadArgument for an empty face or another size.
CoveredFace lay_over(const Image& face, const Layer& layer);

}  // namespace ofer
