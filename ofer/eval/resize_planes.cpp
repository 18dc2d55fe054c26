#include "ofer/eval/resize_planes.h"

#include "engine/error.h"
#include "engine/resize_filter.h"

namespace ofer {

Planes resize_planes(const Planes& planes, int height, int width) {
  require(planes.channels >= 1 && planes.height >= 1 && planes.width >= 1 &&
              planes.values.size() == static_cast<std::size_t>(planes.channels) *
                                          static_cast<std::size_t>(planes.height) *
                                          static_cast<std::size_t>(planes.width),
          ErrorCode::kBadArgument, planes.values.size(), " values for ", planes.channels, " x ",
          planes.height, " x ", planes.width, " planes");
  if (planes.height == height && planes.width == width) return planes;
  const ResizeFilter down = resize_filter(planes.height, height);
  const ResizeFilter across = resize_filter(planes.width, width);
  Planes result{planes.channels, height, width, {}};
  const auto in_width = static_cast<std::size_t>(planes.width);
  std::vector<double> row(in_width);
  for (int c = 0; c < planes.channels; ++c) {
    const float* plane = planes.values.data() + static_cast<std::size_t>(c) * in_width *
                                                    static_cast<std::size_t>(planes.height);
    for (int y = 0; y < height; ++y) {
      row.assign(in_width, 0);
      for (int k = 0; k < down.count[static_cast<std::size_t>(y)]; ++k) {
        const double weight = down.weights[static_cast<std::size_t>(y * down.taps + k)];
        const float* source =
            plane +
            static_cast<std::size_t>(down.first[static_cast<std::size_t>(y)] + k) * in_width;
        for (std::size_t x = 0; x < in_width; ++x) row[x] += weight * source[x];
      }
      for (int x = 0; x < width; ++x) {
        const auto first = static_cast<std::size_t>(across.first[static_cast<std::size_t>(x)]);
        double sum = 0;
        for (int k = 0; k < across.count[static_cast<std::size_t>(x)]; ++k)
          sum += across.weights[static_cast<std::size_t>(x * across.taps + k)] *
                 row[first + static_cast<std::size_t>(k)];
        result.values.push_back(static_cast<float>(sum));
      }
    }
  }
  return result;
}

}  // namespace ofer
