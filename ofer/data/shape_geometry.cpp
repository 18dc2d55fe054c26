#include "ofer/data/shape_geometry.h"

#include <algorithm>
#include <utility>

#include "ofer/data/edges.h"

namespace ofer {

namespace {

constexpr float kEndless = 1e9f;

Box box_of(const std::vector<Point>& points) {
  Box box{points.front(), points.front()};
  for (const Point p : points) box = around(box, {p, p});
  return box;
}

}  // namespace

Box around(Box a, Box b) {
  return {{std::min(a.low.x, b.low.x), std::min(a.low.y, b.low.y)},
          {std::max(a.high.x, b.high.x), std::max(a.high.y, b.high.y)}};
}

Point turned(Point a, float angle) {
  const float c = std::cos(angle), s = std::sin(angle);
  return {a.x * c - a.y * s, a.x * s + a.y * c};
}

// f(p) = |p / r| - 1 is 0 on the edge; divided by the length of its gradient it is a distance
// to first order.
Outline ellipse(Point centre, float radius_x, float radius_y, float angle) {
  const float c = std::cos(angle), s = std::sin(angle);
  const Point reach{length({radius_x * c, radius_y * s}), length({radius_x * s, radius_y * c})};
  return {[=](Point p) {
            const Point d = p - centre, q{d.x * c + d.y * s, d.y * c - d.x * s};
            const Point scaled{q.x / radius_x, q.y / radius_y};
            const float value = length(scaled);
            if (value < 1e-6f) return -std::min(radius_x, radius_y);
            const float slope = length({scaled.x / radius_x, scaled.y / radius_y}) / value;
            return (value - 1) / slope;
          },
          {centre - reach, centre + reach}};
}

Outline band(Point through, float angle, float width) {
  const Point across = turned({0, 1}, angle);
  return {[=](Point p) {
            const Point q = p - through;
            return std::fabs(q.x * across.x + q.y * across.y) - width / 2;
          },
          {{-kEndless, -kEndless}, {kEndless, kEndless}}};
}

Outline polygon(std::vector<Point> corners) {
  const Box bounds = box_of(corners);
  return {[corners = std::move(corners)](Point p) {
            float nearest2 = kEndless;
            bool inside = false;
            for (std::size_t i = 0, j = corners.size() - 1; i < corners.size(); j = i++) {
              const Point a = corners[j], b = corners[i], side = b - a, from = p - a;
              const float length2 = side.x * side.x + side.y * side.y;
              const float along =
                  length2 > 0
                      ? std::clamp((from.x * side.x + from.y * side.y) / length2, 0.0f, 1.0f)
                      : 0.0f;
              const Point gap = from - side * along;
              nearest2 = std::min(nearest2, gap.x * gap.x + gap.y * gap.y);
              // Even-odd rule: a ray to the right crosses this side.
              if ((a.y > p.y) != (b.y > p.y) && p.x < a.x + side.x * (p.y - a.y) / side.y)
                inside = !inside;
            }
            const float nearest = std::sqrt(nearest2);
            return inside ? -nearest : nearest;
          },
          bounds};
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
  Box bounds = box_of(points);
  const float widest = std::max(first_radius, last_radius);
  bounds = {bounds.low - Point{widest, widest}, bounds.high + Point{widest, widest}};
  return {[=, points = std::move(points)](Point p) {
            float nearest = kEndless;
            const auto pieces = static_cast<float>(points.size() - 1);
            for (std::size_t i = 0; i + 1 < points.size(); ++i) {
              const Point a = points[i], b = points[i + 1];
              float along = 0;
              const float distance = segment_distance(p.x, p.y, a.x, a.y, b.x, b.y, &along);
              const float place = (static_cast<float>(i) + along) / pieces;
              nearest =
                  std::min(nearest, distance - first_radius - (last_radius - first_radius) * place);
            }
            return nearest;
          },
          bounds};
}

// The joint adds less than its rounding.
Outline joined(Outline a, Outline b, float rounding) {
  const Box both = around(a.bounds, b.bounds);
  const Point wider{rounding, rounding};
  return {[=, a = std::move(a), b = std::move(b)](Point p) {
            const float da = a(p), db = b(p);
            const float near = std::max(rounding - std::fabs(da - db), 0.0f) / rounding;
            return std::min(da, db) - near * near * rounding / 4;
          },
          {both.low - wider, both.high + wider}};
}

}  // namespace ofer
