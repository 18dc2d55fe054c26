// The colours of a map with values from 0 to 1.
#pragma once

#include "engine/image.h"

namespace ofer {

// From a dark blue over purple and orange to a light yellow. Equal steps of the value are equal
// steps of perceived lightness (OKLab's L grows linearly), so the map also reads in grey and for
// eyes that do not tell red from green. Values are clamped to [0, 1]; NaN counts as 0.
Colour ramp_colour(float value);

}  // namespace ofer
