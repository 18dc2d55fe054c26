#include "ofer/data/shape_parts.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/error.h"

namespace ofer {

namespace {

// Moves, scales and turns a whole shape a little, so that no two seeds lie alike.
struct Placement {
  Point shift;
  float scale, angle;

  static Placement near(SeededNumbers& numbers, float shift, float scale, float angle) {
    return {{numbers.uniform(-shift, shift), numbers.uniform(-shift, shift)},
            1 + numbers.uniform(-scale, scale),
            numbers.uniform(-angle, angle)};
  }
  Point operator()(float x, float y) const { return turned(Point{x, y} * scale, angle) + shift; }
  // Back from the picture to the shape's own coordinates.
  Point inverse(Point p) const { return turned(p - shift, -angle) * (1 / scale); }
};

// The surface asked for, or the shape's own look.
Surface choose(std::optional<FillKind> fill, Surface own, SeededNumbers& numbers) {
  if (!fill) return own;
  Paint first, second;
  random_colours(numbers, first, second);
  return make_surface(*fill, first, second, numbers);
}

// A surgical mask: ear loops, a curved sheet with three pleats, a seam along the upper edge.
Parts mask_parts(SeededNumbers& numbers, std::optional<FillKind> fill) {
  const Placement at = Placement::near(numbers, 0.012f, 0.04f, 0.03f);
  const Paint cloths[] = {
      {0.62f, 0.78f, 0.88f}, {0.90f, 0.92f, 0.93f}, {0.66f, 0.83f, 0.78f}, {0.20f, 0.22f, 0.26f}};
  const Paint cloth = cloths[numbers.index(4)];
  const Surface own = [=](Point p) {
    const Point q = at.inverse(p);
    float light = 1.03f - 1.9f * q.x * q.x;  // the sheet curves away towards the ears
    for (float fold : {0.155f, 0.225f, 0.295f}) {
      const float below = q.y - fold + 0.25f * q.x * q.x;
      if (below > 0 && below < 0.05f) light -= 0.16f * (1 - below / 0.05f);
    }
    const float seam = std::fabs(q.y - 0.052f - 0.35f * q.x * q.x);
    if (seam < 0.007f) light -= 0.07f;
    return cloth * light;
  };
  const Surface surface = choose(fill, own, numbers);
  const Surface loop = [=](Point) { return mix(cloth, Paint{1, 1, 1}, 0.35f) * 0.93f; };
  Parts parts;
  for (float side : {-1.0f, 1.0f}) {
    parts.push_back(
        {stroke({at(side * 0.27f, 0.085f), at(side * 0.36f, 0.03f), at(side * 0.46f, -0.01f)},
                0.008f, 0.007f),
         loop});
    parts.push_back(
        {stroke({at(side * 0.24f, 0.30f), at(side * 0.36f, 0.20f), at(side * 0.46f, 0.09f)}, 0.008f,
                0.007f),
         loop});
  }
  std::vector<Point> edge;
  for (const Point p : {Point{0, 0.02f},
                        {0.10f, 0.035f},
                        {0.22f, 0.065f},
                        {0.285f, 0.085f},
                        {0.28f, 0.20f},
                        {0.245f, 0.31f},
                        {0.15f, 0.425f},
                        {0, 0.465f},
                        {-0.15f, 0.425f},
                        {-0.245f, 0.31f},
                        {-0.28f, 0.20f},
                        {-0.285f, 0.085f},
                        {-0.22f, 0.065f},
                        {-0.10f, 0.035f}})
    edge.push_back(at(p.x, p.y));
  parts.push_back({smooth_polygon(edge), surface});
  return parts;
}

// Sunglasses: temples, rims with a bridge, dark lenses with a soft reflection.
Parts glasses_parts(SeededNumbers& numbers, std::optional<FillKind> fill) {
  const Placement at = Placement::near(numbers, 0.01f, 0.04f, 0.03f);
  const Paint frames[] = {{0.09f, 0.09f, 0.10f}, {0.24f, 0.14f, 0.09f}, {0.13f, 0.13f, 0.22f}};
  const Paint frame = frames[numbers.index(3)];
  const float radius_x = numbers.uniform(0.122f, 0.138f),
              radius_y = numbers.uniform(0.092f, 0.106f);
  const Surface rim = [=](Point p) { return frame * (1.15f - 0.9f * at.inverse(p).y); };
  const Surface own = [=](Point p) {
    const Point q = at.inverse(p);
    const float down = std::clamp((q.y + 0.095f + radius_y) / (2 * radius_y), 0.0f, 1.0f);
    Paint glass = mix(Paint{0.05f, 0.05f, 0.06f}, Paint{0.24f, 0.22f, 0.21f}, down);
    // Light falls in from the upper left of each lens.
    const float x = std::fabs(q.x) - 0.165f,
                slant = (q.x < 0 ? x * -1 : x) + 0.55f * (q.y + 0.095f);
    const float gleam = std::max(0.0f, 1 - std::fabs(slant + 0.035f) / 0.02f);
    return mix(glass, Paint{0.75f, 0.79f, 0.84f}, 0.22f * gleam);
  };
  const Surface lens = choose(fill, own, numbers);
  Parts parts;
  for (float side : {-1.0f, 1.0f})
    parts.push_back(
        {stroke({at(side * 0.28f, -0.12f), at(side * 0.46f, -0.105f)}, 0.014f, 0.011f), rim});
  parts.push_back(
      {stroke({at(-0.05f, -0.125f), at(0, -0.140f), at(0.05f, -0.125f)}, 0.011f, 0.011f), rim});
  for (float side : {-1.0f, 1.0f}) {
    const Point middle = at(side * 0.165f, -0.095f);
    parts.push_back({ellipse(middle, (radius_x + 0.013f) * at.scale, (radius_y + 0.013f) * at.scale,
                             at.angle + side * 0.08f),
                     rim});
    parts.push_back(
        {ellipse(middle, radius_x * at.scale, radius_y * at.scale, at.angle + side * 0.08f), lens});
  }
  return parts;
}

// A hand before the mouth, from the lower right corner, its back to the viewer: four fingers side
// by side, a thumb, and the wrist.
Parts hand_parts(SeededNumbers& numbers, std::optional<FillKind> fill) {
  const Placement at = Placement::near(numbers, 0.015f, 0.05f, 0.06f);
  const Paint skins[] = {{0.87f, 0.67f, 0.55f}, {0.72f, 0.50f, 0.38f}, {0.45f, 0.30f, 0.22f}};
  const Paint skin = skins[numbers.index(3)];
  const std::uint64_t grain = numbers.next();
  const Surface base = choose(
      fill, [=](Point) { return skin; }, numbers);

  struct Limb {
    Outline outline;
    float roundness;  // how far from the edge it is as high as it gets
  };
  struct Finger {
    Point knuckle, joint, tip;
    float radius;
  };
  const Finger fingers[] = {
      {{0.19f, 0.475f}, {0.03f, 0.452f}, {-0.085f, 0.425f}, 0.042f},
      {{0.19f, 0.405f}, {-0.02f, 0.375f}, {-0.175f, 0.345f}, 0.046f},
      {{0.19f, 0.325f}, {-0.03f, 0.293f}, {-0.200f, 0.265f}, 0.047f},
      {{0.20f, 0.245f}, {-0.01f, 0.212f}, {-0.160f, 0.188f}, 0.046f},
  };
  const Outline back =
      smooth_polygon({at(0.15f, 0.205f), at(0.26f, 0.215f), at(0.40f, 0.34f), at(0.46f, 0.52f),
                      at(0.30f, 0.60f), at(0.16f, 0.51f), at(0.125f, 0.36f)});
  const Outline thumb =
      stroke({at(0.31f, 0.30f), at(0.29f, 0.17f), at(0.245f, 0.075f)}, 0.060f, 0.038f);
  std::vector<Limb> limbs{
      {stroke({at(0.58f, 0.72f), at(0.30f, 0.42f)}, 0.150f, 0.128f), 0.10f},
      {joined(back, thumb, 0.05f), 0.06f},
  };
  for (const Finger& f : fingers)
    limbs.push_back(
        {stroke({at(f.knuckle.x, f.knuckle.y), at(f.joint.x, f.joint.y), at(f.tip.x, f.tip.y)},
                f.radius * at.scale, f.radius * at.scale * 0.84f),
         f.radius});

  Box bounds = limbs.front().outline.bounds;
  for (const Limb& limb : limbs) bounds = around(bounds, limb.outline.bounds);
  const Outline whole{[=](Point p) {
                        float nearest = 1e9f;
                        for (const Limb& limb : limbs)
                          if (limb.outline.bounds.distance(p) <= std::max(nearest, 0.0f))
                            nearest = std::min(nearest, limb.outline(p));
                        return nearest;
                      },
                      bounds};
  // Round to the eye: as light as the limb that stands out most here, so that fingers part by dark
  // folds and flow into the back of the hand.
  const Surface flesh = [=](Point p) {
    float depth = 0;
    for (const Limb& limb : limbs)
      if (limb.outline.bounds.distance(p) == 0)
        depth = std::max(depth, std::min(-limb.outline(p) / limb.roundness, 1.0f));
    const float light = 0.60f + 0.44f * depth * (2 - depth) - 0.10f * at.inverse(p).y +
                        0.05f * (value_noise(p * 40, grain) - 0.5f);
    const Paint colour = base(p);
    return Paint{colour.red * (0.06f + 0.94f * light), colour.green * light,
                 colour.blue * (light - 0.02f)};
  };
  Parts parts{{whole, flesh}};
  for (const Finger& f : fingers) {
    const Point joint = at(f.joint.x, f.joint.y), tip = at(f.tip.x, f.tip.y);
    const Outline nail = ellipse(tip + (tip - joint) * 0.06f, f.radius * 0.60f, f.radius * 0.44f,
                                 std::atan2(tip.y - joint.y, tip.x - joint.x));
    parts.push_back({nail, [=](Point p) {
                       const float rim = std::clamp(-nail(p) / 0.010f, 0.0f, 1.0f);
                       return mix(base(p) * 0.88f, Paint{0.97f, 0.85f, 0.81f}, 0.2f + 0.35f * rim);
                     }});
  }
  return parts;
}

Surface random_surface(SeededNumbers& numbers, std::optional<FillKind> fill) {
  Paint first, second;
  random_colours(numbers, first, second);
  const FillKind kind = fill.value_or(static_cast<FillKind>(numbers.index(4)));
  return make_surface(kind, first, second, numbers);
}

Point anywhere(SeededNumbers& numbers) {
  const float x = numbers.uniform(-0.34f, 0.34f);
  return {x, numbers.uniform(-0.34f, 0.34f)};
}

Parts ellipse_parts(SeededNumbers& numbers, std::optional<FillKind> fill) {
  const Surface surface = random_surface(numbers, fill);
  const Point middle = anywhere(numbers);
  const float radius_x = numbers.uniform(0.10f, 0.26f), radius_y = numbers.uniform(0.10f, 0.26f);
  return {{ellipse(middle, radius_x, radius_y, numbers.uniform(0, 3.14f)), surface}};
}

Parts polygon_parts(SeededNumbers& numbers, std::optional<FillKind> fill) {
  const Surface surface = random_surface(numbers, fill);
  const Point middle = anywhere(numbers);
  const int count = 4 + numbers.index(6);
  const float size = numbers.uniform(0.16f, 0.30f), start = numbers.uniform(0, 6.28f);
  std::vector<Point> corners;
  for (int i = 0; i < count; ++i) {
    const float angle = start + 6.2831853f *
                                    (static_cast<float>(i) + numbers.uniform(-0.3f, 0.3f)) /
                                    static_cast<float>(count);
    corners.push_back(middle + turned({size * numbers.uniform(0.55f, 1.0f), 0}, angle));
  }
  return {{polygon(std::move(corners)), surface}};
}

Parts stroke_parts(SeededNumbers& numbers, std::optional<FillKind> fill) {
  Parts parts;
  const int count = 2 + numbers.index(3);
  for (int i = 0; i < count; ++i) {
    const Surface surface = random_surface(numbers, fill);
    std::vector<Point> points{anywhere(numbers)};
    float angle = numbers.uniform(0, 6.28f);
    const int pieces = 8 + numbers.index(8);
    for (int k = 0; k < pieces; ++k) {
      angle += numbers.uniform(-0.7f, 0.7f);
      points.push_back(points.back() + turned({numbers.uniform(0.03f, 0.06f), 0}, angle));
    }
    const float first = numbers.uniform(0.025f, 0.07f);
    parts.push_back(
        {stroke(std::move(points), first, first * numbers.uniform(0.5f, 1.0f)), surface});
  }
  return parts;
}

Parts band_parts(SeededNumbers& numbers, std::optional<FillKind> fill) {
  Parts parts;
  const int count = 1 + numbers.index(2);
  for (int i = 0; i < count; ++i) {
    const Surface surface = random_surface(numbers, fill);
    const Point through = anywhere(numbers);
    const float angle = numbers.uniform(0, 3.1415927f);
    parts.push_back({band(through, angle, numbers.uniform(0.06f, 0.22f)), surface});
  }
  return parts;
}

}  // namespace

Parts parts_of(ShapeKind kind, SeededNumbers& numbers, std::optional<FillKind> fill) {
  switch (kind) {
    case ShapeKind::kMask:
      return mask_parts(numbers, fill);
    case ShapeKind::kGlasses:
      return glasses_parts(numbers, fill);
    case ShapeKind::kHand:
      return hand_parts(numbers, fill);
    case ShapeKind::kEllipse:
      return ellipse_parts(numbers, fill);
    case ShapeKind::kPolygon:
      return polygon_parts(numbers, fill);
    case ShapeKind::kStrokes:
      return stroke_parts(numbers, fill);
    case ShapeKind::kBands:
      return band_parts(numbers, fill);
  }
  fail(ErrorCode::kBadArgument, "unknown kind of shape ", static_cast<int>(kind));
}

}  // namespace ofer
