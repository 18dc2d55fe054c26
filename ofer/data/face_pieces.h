// Pieces of other faces as covers: like nothing that was drawn, and with the grain of a photograph,
// so that a detector learns that something is there and not what it looks like.
#pragma once

#include "engine/image.h"
#include "ofer/data/layer.h"
#include "ofer/data/random.h"

namespace ofer {

struct PieceOptions {
  // The share of the picture that a piece would take if all of it lay inside.
  float min_share = 0.05f, max_share = 0.35f;
  // How much larger or smaller than life the other face is seen, and how far it is turned
  // (degrees, either way).
  float min_scale = 0.7f, max_scale = 1.6f, rotation = 180;
  // Its brightness is multiplied by 1 - light .. 1 + light.
  float light = 0.2f;
};

// A piece of `other`, bounded by an ellipse, a rounded box or a wavy closed curve, anywhere before
// a picture of this size. Throws kBadArgument for an empty picture or options that cannot be.
Layer piece_layer(const Image& other, int width, int height, const PieceOptions& options,
                  SeededNumbers& numbers);

}  // namespace ofer
