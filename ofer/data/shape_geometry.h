// Signed distances to the outlines that shapes are made of.
//
// Coordinates: the middle of the picture is (0, 0), its shorter side has length 1, y down. A
// distance is negative inside; it is exact near the edge, which is what smooth edges need.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace ofer {

struct Point {
  float x = 0, y = 0;
};
inline Point operator+(Point a, Point b) {
  return {a.x + b.x, a.y + b.y};
}
inline Point operator-(Point a, Point b) {
  return {a.x - b.x, a.y - b.y};
}
inline Point operator*(Point a, float s) {
  return {a.x * s, a.y * s};
}
inline float length(Point a) {
  return std::sqrt(a.x * a.x + a.y * a.y);
}
// Turned by `angle` radians, clockwise on the screen.
Point turned(Point a, float angle);

// Both corners belong to it.
struct Box {
  Point low, high;

  // 0 inside; never more than the distance to anything inside.
  float distance(Point p) const {
    const float dx = std::max({low.x - p.x, p.x - high.x, 0.0f});
    const float dy = std::max({low.y - p.y, p.y - high.y, 0.0f});
    return std::sqrt(dx * dx + dy * dy);
  }
};
Box around(Box a, Box b);

// A signed distance, and a box outside of which it is positive: far from it there is nothing to
// compute.
struct Outline {
  std::function<float(Point)> distance;
  Box bounds;
  float operator()(Point p) const { return distance(p); }
};

Outline ellipse(Point centre, float radius_x, float radius_y, float angle = 0);

// A straight band of this width through the point, without ends.
Outline band(Point through, float angle, float width);

// A closed polygon of at least 3 corners, in any direction.
Outline polygon(std::vector<Point> corners);

// A closed smooth curve through the points (Catmull-Rom), as a polygon of many corners.
Outline smooth_polygon(const std::vector<Point>& points);

// A stroke along the points with round ends, its radius running from the first to the last.
Outline stroke(std::vector<Point> points, float first_radius, float last_radius);

// All that lies in one of the two, with a rounded joint of about this size.
Outline joined(Outline a, Outline b, float rounding);

}  // namespace ofer
