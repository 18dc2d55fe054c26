#include "ofer/data/face_pieces.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "engine/error.h"
#include "ofer/data/affine.h"
#include "ofer/data/edges.h"

namespace ofer {

namespace {

constexpr float kPi = std::numbers::pi_v<float>;

// Signed distance in pixels, negative inside, exact near the edge where the curve is gentle.
class PieceOutline {
 public:
  PieceOutline(float area, SeededNumbers& numbers) : form_(static_cast<Form>(numbers.index(3))) {
    const float angle = numbers.uniform(0, 2 * kPi), stretch = numbers.uniform(0.6f, 1.6f);
    cos_ = std::cos(angle);
    sin_ = std::sin(angle);
    if (form_ == Form::kBox) {
      half_x_ = std::sqrt(area * stretch) / 2;
      half_y_ = area / (4 * half_x_);
      corner_ = std::min(half_x_, half_y_) * numbers.uniform(0, 0.6f);
    } else {
      const float radius = std::sqrt(area / kPi);
      half_x_ = radius * std::sqrt(stretch);
      half_y_ = radius / std::sqrt(stretch);
    }
    wave_.fill(1);
    if (form_ == Form::kWavy)
      for (int k = 2; k <= 5; ++k) {
        const float height = numbers.uniform(0, 0.25f) / static_cast<float>(k - 1);
        const float phase = numbers.uniform(0, 2 * kPi);
        for (int i = 0; i < kDirections; ++i)
          wave_[i] += height * std::cos(static_cast<float>(k * i) * 2 * kPi / kDirections + phase);
      }
  }

  float reach() const { return 2 * std::hypot(half_x_, half_y_); }

  float operator()(float x, float y) const {
    const float u = (cos_ * x + sin_ * y), v = (cos_ * y - sin_ * x);
    if (form_ == Form::kBox) {
      const float du = std::fabs(u) - half_x_ + corner_, dv = std::fabs(v) - half_y_ + corner_;
      const float outside = std::hypot(std::max(du, 0.0f), std::max(dv, 0.0f));
      return outside + std::min(std::max(du, dv), 0.0f) - corner_;
    }
    // f = |p / r| - wave is 0 on the edge; divided by the length of |p / r|'s gradient it is a
    // distance to first order.
    const float a = u / half_x_, b = v / half_y_, value = std::hypot(a, b);
    if (value < 1e-6f) return -std::min(half_x_, half_y_);
    const float slope = std::hypot(a / half_x_, b / half_y_) / value;
    float edge = 1;
    if (form_ == Form::kWavy) {
      const float turn = (std::atan2(b, a) / (2 * kPi) + 1) * kDirections;
      const int i = static_cast<int>(turn);
      const float t = turn - static_cast<float>(i);
      edge = wave_[i % kDirections] * (1 - t) + wave_[(i + 1) % kDirections] * t;
    }
    return (value - edge) / slope;
  }

 private:
  enum class Form { kEllipse, kBox, kWavy };
  static constexpr int kDirections = 64;
  Form form_;
  float cos_, sin_, half_x_, half_y_, corner_ = 0;
  std::array<float, kDirections> wave_;
};

}  // namespace

Layer piece_layer(const Image& other, int width, int height, const PieceOptions& options,
                  SeededNumbers& numbers) {
  require(!other.empty(), ErrorCode::kBadArgument, "no piece can be taken from an empty picture");
  require(
      options.min_share > 0 && options.min_share <= options.max_share && options.max_share <= 1 &&
          options.min_scale > 0 && options.min_scale <= options.max_scale &&
          options.max_scale <= 100 && options.rotation >= 0 && options.rotation <= 180 &&
          options.light >= 0 && options.light <= 1,
      ErrorCode::kBadArgument,
      "pieces of faces need 0 < min_share <= max_share <= 1, 0 < min_scale <= max_scale <= 100, "
      "a rotation of 0 to 180 degrees and a light of 0 to 1");
  Layer layer(width, height);
  const auto w = static_cast<float>(width), h = static_cast<float>(height);
  const PieceOutline outline(w * h * numbers.uniform(options.min_share, options.max_share),
                             numbers);
  const float x0 = w * numbers.uniform(0.1f, 0.9f), y0 = h * numbers.uniform(0.1f, 0.9f);

  // From the piece's place to a place in the other face, seen at its own scale and angle.
  const float scale = numbers.uniform(options.min_scale, options.max_scale);
  const float angle = numbers.uniform(-options.rotation, options.rotation) * kPi / 180;
  const float mirror = numbers.chance(0.5) ? -1.0f : 1.0f;
  const float life = static_cast<float>(std::min(other.width, other.height)) / std::min(w, h);
  const float from_x = static_cast<float>(other.width) * numbers.uniform(0.2f, 0.8f);
  const float from_y = static_cast<float>(other.height) * numbers.uniform(0.2f, 0.8f);
  const Affine map = Affine::moved(-x0, -y0) >>
                     Affine::scaled(mirror * life / scale, life / scale) >> Affine::turned(angle) >>
                     Affine::moved(from_x, from_y);
  const int grid = sampling_grid(map);
  const float light = numbers.uniform(1 - options.light, 1 + options.light) / 255;
  const SampledPicture<std::uint8_t, 3> source{other.pixels.data(), other.width, other.height,
                                               Border::kEdge};

  const float reach = outline.reach() + 1;
  const auto bound = [](float value, int limit) {
    return static_cast<int>(std::clamp(value, 0.0f, static_cast<float>(limit)));
  };
  const int left = bound(x0 - reach, width), right = bound(x0 + reach + 1, width);
  const int top = bound(y0 - reach, height), bottom = bound(y0 + reach + 1, height);
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x) {
      const float share =
          edge_share(outline(static_cast<float>(x) + 0.5f - x0, static_cast<float>(y) + 0.5f - y0));
      if (share <= 0) continue;
      float colour[3];
      source.pixel(map, x, y, grid, colour);
      layer.pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                   static_cast<std::size_t>(x)] = {std::min(colour[0] * light, 1.0f),
                                                   std::min(colour[1] * light, 1.0f),
                                                   std::min(colour[2] * light, 1.0f), share};
    }
  return layer;
}

}  // namespace ofer
