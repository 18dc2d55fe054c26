// Variations of a face, for training.
//
// What is drawn (an Augmentation) and what is done with it are apart, so that a face and what
// belongs to it can be varied alike.
#pragma once

#include <string_view>

#include "engine/image.h"
#include "ofer/data/affine.h"
#include "ofer/data/random.h"

namespace ofer {

// Everything is off; each has its probability.
struct AugmentOptions {
  double flip = 0;  // left to right

  // Turned by at most `rotation` degrees either way and moved by at most crop_padding of the side
  // along each axis, both together. What comes in from outside is black, or the nearest pixel.
  double rotate_crop = 0;
  float rotation = 20, crop_padding = 1.0f / 7;
  Border border = Border::kZero;

  // A part of the face at full size: min_area to max_area of it, height to width 3:4 to 4:3.
  double resized_crop = 0;
  float min_area = 0.2f, max_area = 1;

  // Brightness and contrast are multiplied by 1 - x .. 1 + x.
  double jitter = 0;
  float brightness = 0.2f, contrast = 0.2f;

  double grey = 0;  // colour dropped (Rec. 601 luma)

  // Reduced by a factor of 1 to max_reduction and enlarged again.
  double blur = 0;
  float max_reduction = 3;

  // A rectangle in one colour: min_erased to max_erased of the area, height to width 0.3 to 3.3.
  double erase = 0;
  float min_erased = 0.02f, max_erased = 0.25f;
  Colour erased{124, 116, 104};  // ImageNet's mean, 0 after its normalisation
};

// The recogniser's: flip, rotation up to 20 degrees and padded crop with probability 0.2, erasing
// of 2 to 25 %.
AugmentOptions recogniser_augmentation();
// The masked autoencoder's: flip, resized crop.
AugmentOptions autoencoder_augmentation();

struct Augmentation {
  bool flipped = false;
  float angle = 0;                 // radians, clockwise
  float shift_x = 0, shift_y = 0;  // in pixels of the result
  // The part that is seen, as shares of the sides.
  float left = 0, top = 0, width = 1, height = 1;
  Border border = Border::kZero;
  float brightness = 1, contrast = 1;
  bool grey = false;
  float reduction = 1;
  // In pixels of the result; nothing is erased when a side is 0.
  int erase_x = 0, erase_y = 0, erase_width = 0, erase_height = 0;
  Colour erased;

  bool operator==(const Augmentation&) const = default;
};

// Throws kBadArgument with the reason for probabilities outside 0 to 1 and strengths that cannot
// be.
void check(const AugmentOptions& options);

// For a result of side x side. `options` have passed check().
Augmentation draw_augmentation(const AugmentOptions& options, int side, SeededNumbers& numbers);

// The face at side x side, varied: moved (one bilinear interpolation, none where every pixel of the
// result is one of the source), then light, colour, sharpness, and the erased part last. Without
// variation at its own size it is the face itself. Throws kBadArgument for an empty face.
Image augmented(const Image& face, const Augmentation& augmentation, int side);

}  // namespace ofer
