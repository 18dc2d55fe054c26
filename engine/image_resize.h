// Pictures to planes of floats at any size, and back.
#pragma once

#include <vector>

#include "engine/image.h"
#include "engine/resize_filter.h"

namespace ofer {

// Working memory of image_to_planes. Kept by a caller that resizes many pictures, it grows to the
// largest need and is then reused. One thread at a time.
struct ResizeScratch {
  ResizeFilter across, down;
  std::vector<float> row;   // one source row at the new width, interleaved
  std::vector<double> sum;  // the result so far, interleaved
};

// Resizes with the weights of engine/resize_filter.h, across then down, without rounding in
// between, and writes 3 x height x width floats in [0, 1], planar: red, green, blue. Any source
// size of at least 1 x 1, up and down. A source of the very size is copied exactly (value / 255).
// Values of float pictures are clamped to [0, 1]. Throws kBadArgument for an empty picture, a side
// below 1, and for a value that is no finite number.
void image_to_planes(const ImageView& image, int width, int height, float* planes,
                     ResizeScratch& scratch);
void image_to_planes(const ImageView& image, int width, int height, float* planes);

// 3 x height x width planar floats to a picture: clamped to [0, 1], scaled by 255, rounded to the
// nearest; NaN becomes 0.
Image planes_to_image(const float* planes, int width, int height);

// Both at once: the picture at another size, rounded once.
Image resize_image(const Image& image, int width, int height);

}  // namespace ofer
