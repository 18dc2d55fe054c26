// Pictures seen through an affine map: turned, scaled, mirrored, moved in one go, so that their
// pixels are interpolated once.
//
// Coordinates are pixels with (0, 0) at the top left corner of the top left pixel; its centre is
// (0.5, 0.5).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace ofer {

// (x, y) of the result lies at (xx x + xy y + x0, yx x + yy y + y0) of the source.
struct Affine {
  float xx = 1, xy = 0, x0 = 0;
  float yx = 0, yy = 1, y0 = 0;

  float u(float x, float y) const { return xx * x + xy * y + x0; }
  float v(float x, float y) const { return yx * x + yy * y + y0; }
  // The longer of the steps in the source that one pixel across or down makes.
  float step() const { return std::max(std::hypot(xx, yx), std::hypot(xy, yy)); }

  static Affine moved(float dx, float dy) { return {1, 0, dx, 0, 1, dy}; }
  static Affine scaled(float sx, float sy) { return {sx, 0, 0, 0, sy, 0}; }
  static Affine turned(float angle) {
    const float c = std::cos(angle), s = std::sin(angle);
    return {c, -s, 0, s, c, 0};
  }
};

// First `first`, then `then`.
inline Affine operator>>(const Affine& first, const Affine& then) {
  return {then.xx * first.xx + then.xy * first.yx,
          then.xx * first.xy + then.xy * first.yy,
          then.xx * first.x0 + then.xy * first.y0 + then.x0,
          then.yx * first.xx + then.yy * first.yx,
          then.yx * first.xy + then.yy * first.yy,
          then.yx * first.x0 + then.yy * first.y0 + then.y0};
}

// What lies outside a picture: 0 in every channel, or its nearest pixel.
enum class Border : std::uint8_t { kZero, kEdge };

// width x height values of kChannels each, interleaved. Borrows them.
template <class Value, int kChannels>
class SampledPicture {
 public:
  SampledPicture(const Value* v, int w, int h, Border b)
      : values_(v), width_(w), height_(h), border_(b) {}

  // Bilinear between the four nearest centres. At a pixel's centre it is that pixel's value.
  void at(float u, float v, float* result) const {
    // Far outside is as good as just outside, and fits an int.
    const float x = std::clamp(u - 0.5f, -2.0f, static_cast<float>(width_) + 1);
    const float y = std::clamp(v - 0.5f, -2.0f, static_cast<float>(height_) + 1);
    const int x0 = floor_of(x), y0 = floor_of(y);
    const float fx = x - static_cast<float>(x0), fy = y - static_cast<float>(y0);
    float weight[4] = {(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy};
    const Value* tap[4];
    if (x0 >= 0 && y0 >= 0 && x0 + 1 < width_ && y0 + 1 < height_) [[likely]] {
      tap[0] = values_ + (static_cast<std::size_t>(y0) * width_ + x0) * kChannels;
      tap[1] = tap[0] + kChannels;
      tap[2] = tap[0] + static_cast<std::size_t>(width_) * kChannels;
      tap[3] = tap[2] + kChannels;
    } else {
      for (int i = 0; i < 4; ++i) {
        const int px = x0 + (i & 1), py = y0 + (i >> 1);
        const bool inside = px >= 0 && py >= 0 && px < width_ && py < height_;
        if (!inside && border_ == Border::kZero) weight[i] = 0;
        tap[i] = values_ + (static_cast<std::size_t>(std::clamp(py, 0, height_ - 1)) * width_ +
                            std::clamp(px, 0, width_ - 1)) *
                               kChannels;
      }
    }
    for (int c = 0; c < kChannels; ++c)
      result[c] =
          weight[0] * static_cast<float>(tap[0][c]) + weight[1] * static_cast<float>(tap[1][c]) +
          weight[2] * static_cast<float>(tap[2][c]) + weight[3] * static_cast<float>(tap[3][c]);
  }

  // What pixel (x, y) of the result sees through the map: the mean of `grid` x `grid` places in it,
  // which keeps a reduction from flickering.
  void pixel(const Affine& map, int x, int y, int grid, float* result) const {
    if (grid == 1) {
      const float cx = static_cast<float>(x) + 0.5f, cy = static_cast<float>(y) + 0.5f;
      at(map.u(cx, cy), map.v(cx, cy), result);
      return;
    }
    float sum[kChannels] = {}, one[kChannels];
    const float share = 1 / static_cast<float>(grid);
    for (int j = 0; j < grid; ++j)
      for (int i = 0; i < grid; ++i) {
        const float cx = static_cast<float>(x) + (static_cast<float>(i) + 0.5f) * share;
        const float cy = static_cast<float>(y) + (static_cast<float>(j) + 0.5f) * share;
        at(map.u(cx, cy), map.v(cx, cy), one);
        for (int c = 0; c < kChannels; ++c) sum[c] += one[c];
      }
    for (int c = 0; c < kChannels; ++c) result[c] = sum[c] * share * share;
  }

 private:
  const Value* values_;
  int width_, height_;
  Border border_;

  // std::floor is a call without the instructions of later processors.
  static int floor_of(float value) {
    const int towards_zero = static_cast<int>(value);
    return towards_zero - (value < static_cast<float>(towards_zero));
  }
};

// The `grid` that a map needs: about one place per source pixel.
inline int sampling_grid(const Affine& map) {
  return std::clamp(static_cast<int>(std::lround(map.step())), 1, 64);
}

}  // namespace ofer
