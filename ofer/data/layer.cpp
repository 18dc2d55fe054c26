#include "ofer/data/layer.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "engine/error.h"

namespace ofer {

namespace {

std::uint8_t level(float value) {
  return static_cast<std::uint8_t>(255 * std::clamp(value, 0.0f, 1.0f) + 0.5f);
}

// One axis: `count` pixels `step` apart, from `in` to `out`, lines of a picture along `lines`.
void blur_axis(const std::vector<Layer::Pixel>& in, std::vector<Layer::Pixel>& out, int lines,
               std::size_t line_step, int count, std::size_t step,
               const std::vector<float>& weights) {
  const int radius = static_cast<int>(weights.size()) - 1;
  for (int line = 0; line < lines; ++line) {
    const std::size_t first = static_cast<std::size_t>(line) * line_step;
    for (int i = 0; i < count; ++i) {
      Layer::Pixel sum;
      for (int k = -radius; k <= radius; ++k) {
        const int from = std::clamp(i + k, 0, count - 1);
        const Layer::Pixel& p = in[first + static_cast<std::size_t>(from) * step];
        const float w = weights[static_cast<std::size_t>(std::abs(k))];
        sum.red += w * p.red;
        sum.green += w * p.green;
        sum.blue += w * p.blue;
        sum.opacity += w * p.opacity;
      }
      out[first + static_cast<std::size_t>(i) * step] = sum;
    }
  }
}

}  // namespace

Layer::Layer(int w, int h) : width(w), height(h) {
  require(w > 0 && h > 0 && std::int64_t{w} * h <= kMaxPixels, ErrorCode::kBadArgument,
          "a layer of ", w, " x ", h, " pixels: 1 to ", kMaxPixels, " pixels are possible");
  pixels.resize(static_cast<std::size_t>(w) * static_cast<std::size_t>(h));
}

void soften(Layer& layer, float sigma) {
  require(sigma >= 0 && sigma <= 1e4f, ErrorCode::kBadArgument, "a blur of ", sigma,
          " pixels; 0 to 10000 is possible");
  const int radius = static_cast<int>(std::ceil(3 * sigma));
  if (radius == 0) return;
  std::vector<float> weights(static_cast<std::size_t>(radius) + 1);
  float total = 0;
  for (int k = 0; k <= radius; ++k) {
    const float x = static_cast<float>(k) / sigma;
    weights[static_cast<std::size_t>(k)] = std::exp(-0.5f * x * x);
    total += (k == 0 ? 1 : 2) * weights[static_cast<std::size_t>(k)];
  }
  for (float& weight : weights) weight /= total;

  // Colours weigh by their opacity.
  for (Layer::Pixel& p : layer.pixels)
    p = {p.red * p.opacity, p.green * p.opacity, p.blue * p.opacity, p.opacity};
  const auto row = static_cast<std::size_t>(layer.width);
  std::vector<Layer::Pixel> between(layer.pixels.size());
  blur_axis(layer.pixels, between, layer.height, row, layer.width, 1, weights);
  blur_axis(between, layer.pixels, layer.width, 1, layer.height, row, weights);
  for (Layer::Pixel& p : layer.pixels) {
    const float scale = p.opacity > 0 ? 1 / p.opacity : 0;
    p = {p.red * scale, p.green * scale, p.blue * scale, std::min(p.opacity, 1.0f)};
  }
}

CoveredFace lay_over(const Image& face, const Layer& layer) {
  require(!face.empty() && face.width == layer.width && face.height == layer.height,
          ErrorCode::kBadArgument, "a cover of ", layer.width, " x ", layer.height,
          " pixels cannot lie over a face of ", face.width, " x ", face.height);
  CoveredFace result{face, std::vector<std::uint8_t>(layer.pixels.size())};
  std::uint8_t* pixel = result.picture.pixels.data();
  for (std::size_t i = 0; i < layer.pixels.size(); ++i, pixel += 3) {
    const Layer::Pixel& paint = layer.pixels[i];
    if (!(paint.opacity > 0)) continue;
    const float free = 1 - paint.opacity;
    pixel[0] = level(paint.red + (static_cast<float>(pixel[0]) / 255 - paint.red) * free);
    pixel[1] = level(paint.green + (static_cast<float>(pixel[1]) / 255 - paint.green) * free);
    pixel[2] = level(paint.blue + (static_cast<float>(pixel[2]) / 255 - paint.blue) * free);
    result.coverage[i] = level(paint.opacity);
  }
  return result;
}

}  // namespace ofer
