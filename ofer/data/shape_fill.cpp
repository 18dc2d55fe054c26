#include "ofer/data/shape_fill.h"

#include <algorithm>
#include <cmath>

#include "weights/split_mix.h"

namespace ofer {

namespace {

float smooth(float t) {
  return t * t * (3 - 2 * t);
}

}  // namespace

Paint mix(Paint a, Paint b, float t) {
  return {a.red + (b.red - a.red) * t, a.green + (b.green - a.green) * t,
          a.blue + (b.blue - a.blue) * t};
}

float value_noise(Point p, std::uint64_t seed) {
  const float x0 = std::floor(p.x), y0 = std::floor(p.y);
  const auto corner = [&](int dx, int dy) {
    const auto x = static_cast<std::uint64_t>(static_cast<std::int64_t>(x0) + dx);
    const auto y = static_cast<std::uint64_t>(static_cast<std::int64_t>(y0) + dy);
    return unit_float(mix_bits(mix_bits(seed + x * kSplitMixStep) + y * kSplitMixStep));
  };
  const float tx = smooth(p.x - x0), ty = smooth(p.y - y0);
  const float top = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * tx;
  const float bottom = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * tx;
  return top + (bottom - top) * ty;
}

void random_colours(SeededNumbers& numbers, Paint& first, Paint& second) {
  const auto any = [&] {
    return Paint{numbers.uniform(0.05f, 0.95f), numbers.uniform(0.05f, 0.95f),
                 numbers.uniform(0.05f, 0.95f)};
  };
  first = any();
  second = any();
  const float apart = std::fabs(first.red - second.red) + std::fabs(first.green - second.green) +
                      std::fabs(first.blue - second.blue);
  if (apart < 0.5f) second = mix(second, {1 - first.red, 1 - first.green, 1 - first.blue}, 0.8f);
}

Surface make_surface(FillKind kind, Paint first, Paint second, SeededNumbers& numbers) {
  const float angle = numbers.uniform(0, 6.2831853f);
  const Point direction{std::cos(angle), std::sin(angle)};
  const float size = numbers.uniform(0.03f, 0.09f);
  const std::uint64_t seed = numbers.next();
  const auto along = [=](Point p) { return p.x * direction.x + p.y * direction.y; };
  switch (kind) {
    case FillKind::kSolid:
      return [=](Point) { return first; };
    case FillKind::kGradient:
      return [=](Point p) { return mix(first, second, std::clamp(along(p) + 0.5f, 0.0f, 1.0f)); };
    case FillKind::kNoise:
      return [=](Point p) {
        // Four octaves, each of half the size and half the strength.
        float value = 0, strength = 0.5f;
        for (std::uint64_t octave = 0; octave < 4; ++octave, strength /= 2)
          value += strength *
                   value_noise(p * (static_cast<float>(1u << octave) / (2 * size)), seed + octave);
        return mix(first, second, std::clamp((value / 0.9375f - 0.25f) * 2, 0.0f, 1.0f));
      };
    case FillKind::kStripes:
      return [=](Point p) {
        const float wave = std::sin(along(p) * 6.2831853f / size);
        return mix(first, second, std::clamp(0.5f + 3 * wave, 0.0f, 1.0f));
      };
  }
  return [=](Point) { return first; };
}

}  // namespace ofer
