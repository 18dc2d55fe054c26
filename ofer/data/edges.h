// Distances to edges, and the smooth edges that they give.
#pragma once

namespace ofer {

// The share of a pixel that lies inside an edge, from its centre's signed distance to the edge in
// pixels (negative inside).
inline float edge_share(float distance) {
  const float share = 0.5f - distance;
  return share < 0 ? 0.0f : share > 1 ? 1.0f : share;
}

// Distance from (x, y) to the segment from (x0, y0) to (x1, y1); *along, where given, becomes the
// place of the nearest point, 0 at the start and 1 at the end.
float segment_distance(float x, float y, float x0, float y0, float x1, float y1,
                       float* along = nullptr);

}  // namespace ofer
