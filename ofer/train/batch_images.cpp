#include "ofer/train/batch_images.h"

#include "engine/ops.h"

namespace ofer {

void to_planes(const Image& picture, std::span<float> planes) {
  const std::size_t count = picture.pixels.size() / 3;
  OFER_ASSERT(planes.size() == 3 * count);
  const std::uint8_t* pixel = picture.pixels.data();
  for (std::size_t i = 0; i < count; ++i, pixel += 3)
    for (std::size_t c = 0; c < 3; ++c)
      planes[c * count + i] = static_cast<float>(pixel[c]) * (1.0f / 255);
}

Tensor send_images(Session& s, Staging& staging, std::span<const float> planes, std::int64_t count,
                   std::int64_t side) {
  const Tensor images = s.allocate({count, 3, side, side});
  if (!s.counting()) staging.send(s, planes, images);
  return images;
}

Tensor normalised(Session& s, const Network& network, const Tensor& images) {
  return ops::divide(s, ops::subtract(s, images, network.mean()), network.deviation());
}

}  // namespace ofer
