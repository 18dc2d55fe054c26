// Planes of numbers at another size.
#pragma once

#include "ofer/result.h"

namespace ofer {

// With the weights of engine/resize_filter.h along each axis, as the pipeline resizes. A constant
// plane stays constant, and no value leaves the range of its plane but by rounding. Throws
// kBadArgument for sides below 1 and for planes whose values do not fit their sizes.
Planes resize_planes(const Planes& planes, int height, int width);

}  // namespace ofer
