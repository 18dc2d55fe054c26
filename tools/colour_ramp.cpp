#include "tools/colour_ramp.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace ofer {

namespace {

// Control points at equal distances: OKLab's a (green to red) and b (blue to yellow). Lightness is
// not among them: it runs straight from kDark to kLight.
struct Hue {
  float a, b;
};
constexpr std::array<Hue, 6> kHues = {{{0.012f, -0.085f},
                                       {0.085f, -0.115f},
                                       {0.150f, -0.030f},
                                       {0.135f, 0.085f},
                                       {0.050f, 0.135f},
                                       {-0.025f, 0.110f}}};
constexpr float kDark = 0.24f, kLight = 0.95f;

std::uint8_t gamma_coded(float linear) {
  const float x = std::clamp(linear, 0.0f, 1.0f);
  const float coded = x <= 0.0031308f ? 12.92f * x : 1.055f * std::pow(x, 1 / 2.4f) - 0.055f;
  return static_cast<std::uint8_t>(std::lround(255 * coded));
}

float cube(float x) {
  return x * x * x;
}

// OKLab (Bjorn Ottosson, 2020) to sRGB: cone responses are the cubes of a linear map of L, a, b.
Colour from_oklab(float lightness, float a, float b) {
  const float l = cube(lightness + 0.3963377774f * a + 0.2158037573f * b);
  const float m = cube(lightness - 0.1055613458f * a - 0.0638541728f * b);
  const float s = cube(lightness - 0.0894841775f * a - 1.2914855480f * b);
  return {gamma_coded(4.0767416621f * l - 3.3077115913f * m + 0.2309699292f * s),
          gamma_coded(-1.2684380046f * l + 2.6097574011f * m - 0.3413193965f * s),
          gamma_coded(-0.0041960863f * l - 0.7034186147f * m + 1.7076147010f * s)};
}

}  // namespace

Colour ramp_colour(float value) {
  const float v = value > 0 ? std::min(value, 1.0f) : 0.0f;  // NaN fails the comparison
  const float place = v * (kHues.size() - 1);
  const auto left = std::min(static_cast<std::size_t>(place), kHues.size() - 2);
  const float t = place - static_cast<float>(left);
  const Hue &from = kHues[left], &to = kHues[left + 1];
  return from_oklab(kDark + (kLight - kDark) * v, from.a + (to.a - from.a) * t,
                    from.b + (to.b - from.b) * t);
}

}  // namespace ofer
