// Strokes and fills on a picture, with smooth edges.
//
// Coordinates are pixels with (0, 0) at the top left corner of the top left pixel, so that pixel
// (x, y) covers [x, x + 1) x [y, y + 1). What lies outside the picture is not drawn. Opacity is
// 0 (nothing) to 1 (the colour itself).
#pragma once

#include "engine/image.h"

namespace ofer {

// a + (b - a) * t for each channel, rounded; t in [0, 1].
Colour mix(Colour a, Colour b, float t);

// One pixel, checked against the picture's bounds.
void blend(Image& image, int x, int y, Colour colour, float opacity);

// A rectangle; edges that cut through pixels cover them by their share.
void fill_rectangle(Image& image, float x0, float y0, float x1, float y1, Colour colour,
                    float opacity = 1);

// A straight stroke with round ends.
void draw_line(Image& image, float x0, float y0, float x1, float y1, float width, Colour colour,
               float opacity = 1);

// Copies `part` with its top left corner to (x, y).
void paste(Image& image, const Image& part, int x, int y);

}  // namespace ofer
