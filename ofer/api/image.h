// Pictures in the caller's memory.
#pragma once

#include "engine/image.h"
#include "ofer/ofer.h"

namespace ofer::api {

// Looks at a picture where it is. Throws kBadArgument for one that cannot be: null, sides or
// strides too small, an unknown format.
ImageView view_of(const ofer_image& image);

}  // namespace ofer::api
