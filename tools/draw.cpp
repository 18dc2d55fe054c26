#include "tools/draw.h"

#include <algorithm>
#include <cmath>

#include "ofer/data/edges.h"

namespace ofer {

namespace {

std::uint8_t mix(std::uint8_t a, std::uint8_t b, float t) {
  return static_cast<std::uint8_t>(std::lround(a + (static_cast<float>(b) - a) * t));
}

// [first, last) of the pixels that [low, high] touches, inside [0, size).
struct Span {
  int first, last;
  Span(float low, float high, int size)
      : first(static_cast<int>(std::clamp(std::floor(low), 0.0f, static_cast<float>(size)))),
        last(static_cast<int>(std::clamp(std::ceil(high), 0.0f, static_cast<float>(size)))) {}
};

}  // namespace

Colour mix(Colour a, Colour b, float t) {
  return {mix(a.red, b.red, t), mix(a.green, b.green, t), mix(a.blue, b.blue, t)};
}

void blend(Image& image, int x, int y, Colour colour, float opacity) {
  if (x < 0 || y < 0 || x >= image.width || y >= image.height || opacity <= 0) return;
  const float t = std::min(opacity, 1.0f);
  std::uint8_t* pixel = image.at(x, y);
  pixel[0] = mix(pixel[0], colour.red, t);
  pixel[1] = mix(pixel[1], colour.green, t);
  pixel[2] = mix(pixel[2], colour.blue, t);
}

void fill_rectangle(Image& image, float x0, float y0, float x1, float y1, Colour colour,
                    float opacity) {
  const Span columns(x0, x1, image.width), rows(y0, y1, image.height);
  for (int y = rows.first; y < rows.last; ++y) {
    const float high = std::min(y1, y + 1.0f) - std::max(y0, static_cast<float>(y));
    for (int x = columns.first; x < columns.last; ++x) {
      const float wide = std::min(x1, x + 1.0f) - std::max(x0, static_cast<float>(x));
      blend(image, x, y, colour, opacity * wide * high);
    }
  }
}

void draw_line(Image& image, float x0, float y0, float x1, float y1, float width, Colour colour,
               float opacity) {
  const float reach = width / 2 + 1;
  const Span columns(std::min(x0, x1) - reach, std::max(x0, x1) + reach, image.width);
  const Span rows(std::min(y0, y1) - reach, std::max(y0, y1) + reach, image.height);
  for (int y = rows.first; y < rows.last; ++y)
    for (int x = columns.first; x < columns.last; ++x) {
      const float distance = segment_distance(x + 0.5f, y + 0.5f, x0, y0, x1, y1) - width / 2;
      blend(image, x, y, colour, opacity * edge_share(distance));
    }
}

void paste(Image& image, const Image& part, int x, int y) {
  const int first = std::max(0, -x), last = std::min(part.width, image.width - x);
  if (first >= last) return;
  for (int row = std::max(0, -y); row < std::min(part.height, image.height - y); ++row)
    std::copy_n(part.at(first, row), 3 * static_cast<std::size_t>(last - first),
                image.at(x + first, y + row));
}

}  // namespace ofer
