#include "ofer/data/edges.h"

#include <algorithm>
#include <cmath>

namespace ofer {

float segment_distance(float x, float y, float x0, float y0, float x1, float y1, float* along) {
  const float dx = x1 - x0, dy = y1 - y0, length2 = dx * dx + dy * dy;
  const float t =
      length2 > 0 ? std::clamp(((x - x0) * dx + (y - y0) * dy) / length2, 0.0f, 1.0f) : 0.0f;
  if (along) *along = t;
  const float gap_x = x - x0 - t * dx, gap_y = y - y0 - t * dy;
  return std::sqrt(gap_x * gap_x + gap_y * gap_y);
}

}  // namespace ofer
