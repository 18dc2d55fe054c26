// What a shape's surface looks like.
#pragma once

#include <cstdint>
#include <functional>

#include "ofer/data/random.h"
#include "ofer/data/shape_geometry.h"
#include "ofer/data/shapes.h"

namespace ofer {

// Red, green and blue, 0 to 1.
struct Paint {
  float red = 0, green = 0, blue = 0;
};
inline Paint operator*(Paint p, float s) {
  return {p.red * s, p.green * s, p.blue * s};
}
Paint mix(Paint a, Paint b, float t);

using Surface = std::function<Paint(Point)>;

// A surface of this kind in two colours; direction, period and grain come from the numbers.
Surface make_surface(FillKind kind, Paint first, Paint second, SeededNumbers& numbers);

// Two colours that stand apart.
void random_colours(SeededNumbers& numbers, Paint& first, Paint& second);

// Smooth noise in [0, 1] of about one bump per unit of p.
float value_noise(Point p, std::uint64_t seed);

}  // namespace ofer
