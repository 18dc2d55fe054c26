#include "tools/shape_geometry.h"

#include <algorithm>
#include <utility>

#include "tools/draw.h"

namespace ofer {

Point turned(Point a, float angle) {
  const float c = std::cos(angle), s = std::sin(angle);
  return {a.x * c - a.y * s, a.x * s + a.y * c};
}

// f(p) = |p / r| - 1 is 0 on the edge; divided by the length of its gradient it is a distance
// to first order.
Outline ellipse(Point centre, float radius_x, float radius_y, float angle) {
  return [=](Point p) {
    const Point q = turned(p - centre, -angle);
    const float value = std::hypot(q.x / radius_x, q.y / radius_y);
    if (value < 1e-6f) return -std::min(radius_x, radius_y);
    const float slope =
        std::hypot(q.x / (radius_x * radius_x), q.y / (radius_y * radius_y)) / value;
    return (value - 1) / slope;
  };
}

Outline polygon(std::vector<Point> corners) {
  return [corners = std::move(corners)](Point p) {
    float nearest = 1e9f;
    bool inside = false;
    for (std::size_t i = 0, j = corners.size() - 1; i < corners.size(); j = i++) {
      const Point a = corners[j], b = corners[i];
      nearest = std::min(nearest, segment_distance(p.x, p.y, a.x, a.y, b.x, b.y));
      // Even-odd rule: a ray to the right crosses this side.
      if ((a.y > p.y) != (b.y > p.y) && p.x < a.x + (b.x - a.x) * (p.y - a.y) / (b.y - a.y))
        inside = !inside;
    }
    return inside ? -nearest : nearest;
  };
}

Outline smooth_polygon(const std::vector<Point>& points) {
  constexpr int kPieces = 10;
  const std::size_t n = points.size();
  std::vector<Point> corners;
  for (std::size_t i = 0; i < n; ++i) {
    const Point before = points[(i + n - 1) % n], a = points[i], b = points[(i + 1) % n],
                after = points[(i + 2) % n];
    for (int k = 0; k < kPieces; ++k) {
      const float t = static_cast<float>(k) / kPieces, t2 = t * t, t3 = t2 * t;
      corners.push_back(before * (-0.5f * t3 + t2 - 0.5f * t) + a * (1.5f * t3 - 2.5f * t2 + 1) +
                        b * (-1.5f * t3 + 2 * t2 + 0.5f * t) + after * (0.5f * t3 - 0.5f * t2));
    }
  }
  return polygon(std::move(corners));
}

Outline stroke(std::vector<Point> points, float first_radius, float last_radius) {
  return [=, points = std::move(points)](Point p) {
    float nearest = 1e9f;
    const auto pieces = static_cast<float>(points.size() - 1);
    for (std::size_t i = 0; i + 1 < points.size(); ++i) {
      const Point a = points[i], b = points[i + 1];
      float along = 0;
      const float distance = segment_distance(p.x, p.y, a.x, a.y, b.x, b.y, &along);
      const float place = (static_cast<float>(i) + along) / pieces;
      nearest = std::min(nearest, distance - first_radius - (last_radius - first_radius) * place);
    }
    return nearest;
  };
}

Outline joined(Outline a, Outline b, float rounding) {
  return [=, a = std::move(a), b = std::move(b)](Point p) {
    const float da = a(p), db = b(p);
    const float near = std::max(rounding - std::fabs(da - db), 0.0f) / rounding;
    return std::min(da, db) - near * near * rounding / 4;
  };
}

}  // namespace ofer
