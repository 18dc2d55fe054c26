#include "ofer/eval/ssim.h"

#include <array>
#include <cmath>
#include <numeric>

#include "engine/error.h"
#include "ofer/eval/picture_pair.h"

namespace ofer {

namespace {

constexpr int kRadius = kSsimWindow / 2;
constexpr double kSigma = 1.5;
constexpr double kC1 = 0.01 * 0.01, kC2 = 0.03 * 0.03;

// The window along one axis: the Gaussian of two axes is the product of two of one.
std::array<double, kSsimWindow> window() {
  std::array<double, kSsimWindow> weights;
  for (int i = 0; i < kSsimWindow; ++i)
    weights[static_cast<std::size_t>(i)] =
        std::exp(-(i - kRadius) * (i - kRadius) / (2 * kSigma * kSigma));
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& w : weights) w /= sum;
  return weights;
}

// What is averaged in each window: a, b, a^2, b^2, a b.
constexpr std::size_t kMoments = 5;
using Moments = std::array<double, kMoments>;

Moments moments_of(double a, double b) {
  return {a, b, a * a, b * b, a * b};
}

double ssim(const Moments& m) {
  const double product = m[0] * m[1], squares = m[0] * m[0] + m[1] * m[1];
  const double variances = m[2] + m[3] - squares, covariance = m[4] - product;
  return (2 * product + kC1) * (2 * covariance + kC2) / ((squares + kC1) * (variances + kC2));
}

}  // namespace

SsimMap ssim_map(const Planes& a, const Planes& b) {
  check_pair(a, b, "SSIM");
  require(a.height >= kSsimWindow && a.width >= kSsimWindow, ErrorCode::kBadArgument,
          "SSIM of pictures of ", a.height, " x ", a.width, " pixels: its window needs ",
          kSsimWindow, " x ", kSsimWindow);
  const std::array<double, kSsimWindow> weights = window();
  SsimMap map{a.height - kSsimWindow + 1, a.width - kSsimWindow + 1, {}};
  const auto height = static_cast<std::size_t>(a.height), width = static_cast<std::size_t>(a.width);
  const auto rows = static_cast<std::size_t>(map.height);
  const auto columns = static_cast<std::size_t>(map.width);
  map.values.resize(rows * columns);

  std::vector<Moments> pixels(width), along_x(height * columns);
  for (std::size_t c = 0; c < static_cast<std::size_t>(a.channels); ++c) {
    for (std::size_t y = 0; y < height; ++y) {
      const std::size_t start = (c * height + y) * width;
      for (std::size_t x = 0; x < width; ++x)
        pixels[x] = moments_of(a.values[start + x], b.values[start + x]);
      for (std::size_t x = 0; x < columns; ++x) {
        Moments sum{};
        for (std::size_t k = 0; k < weights.size(); ++k)
          for (std::size_t m = 0; m < kMoments; ++m) sum[m] += weights[k] * pixels[x + k][m];
        along_x[y * columns + x] = sum;
      }
    }
    for (std::size_t y = 0; y < rows; ++y)
      for (std::size_t x = 0; x < columns; ++x) {
        Moments sum{};
        for (std::size_t k = 0; k < weights.size(); ++k)
          for (std::size_t m = 0; m < kMoments; ++m)
            sum[m] += weights[k] * along_x[(y + k) * columns + x][m];
        map.values[y * columns + x] += ssim(sum) / a.channels;
      }
  }
  return map;
}

double SsimMap::mean() const {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::optional<double> SsimMap::mean_inside(std::span<const std::uint8_t> mask) const {
  const int full_width = width + kSsimWindow - 1;
  check_mask(mask, height + kSsimWindow - 1, full_width, "SSIM");
  double sum = 0;
  std::int64_t count = 0;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      if (mask[static_cast<std::size_t>((y + kRadius) * full_width + x + kRadius)] != 0) {
        sum += values[static_cast<std::size_t>(y * width + x)];
        ++count;
      }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

}  // namespace ofer
