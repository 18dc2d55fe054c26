// Pictures of a batch as planes, and on the device as a network sees them.
#pragma once

#include <span>
#include <vector>

#include "engine/image.h"
#include "engine/session.h"
#include "engine/staging.h"
#include "ofer/network.h"

namespace ofer {

// A picture of side x side as planar RGB in [0, 1], [3, side, side] from `planes` on.
void to_planes(const Image& picture, std::span<float> planes);

// [N, 3, S, S] in [0, 1] on the device. Nothing is sent while counting.
Tensor send_images(Session& s, Staging& staging, std::span<const float> planes, std::int64_t count,
                   std::int64_t side);
// Less the network's mean, over its deviation.
Tensor normalised(Session& s, const Network& network, const Tensor& images);

}  // namespace ofer
