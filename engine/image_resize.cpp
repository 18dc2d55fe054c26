#include "engine/image_resize.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/error.h"

namespace ofer {

namespace {

// A pixel's value of one channel as it stands in memory.
template <class Value>
double value_at(const std::byte* place) {
  Value value;
  std::memcpy(&value, place, sizeof value);
  return value;
}

// One source row at the new width, interleaved: row[o] = sum_k w[o, k] source[first[o] + k].
// Summed in double: a very long row has millions of weights, each far below a float's precision.
template <class Value>
void resize_row(const ImageView& image, int y, const ResizeFilter& filter, float* row) {
  const std::ptrdiff_t step = image.pixel_step, start = y * image.row_step;
  for (int o = 0; o < filter.out; ++o, row += 3) {
    std::ptrdiff_t in = start + filter.first[o] * step;
    const float* weight = filter.weights.data() + static_cast<std::size_t>(o) * filter.taps;
    double red = 0, green = 0, blue = 0;
    for (int k = 0; k < filter.count[o]; ++k, in += step) {
      const auto w = static_cast<double>(weight[k]);
      red += w * value_at<Value>(image.red + in);
      green += w * value_at<Value>(image.green + in);
      blue += w * value_at<Value>(image.blue + in);
    }
    row[0] = static_cast<float>(red);
    row[1] = static_cast<float>(green);
    row[2] = static_cast<float>(blue);
  }
}

}  // namespace

// Source rows are taken one by one and added to the output rows they reach, so that the memory
// depends on the result's size only, however tall the source is.
void image_to_planes(const ImageView& image, int width, int height, float* planes,
                     ResizeScratch& scratch) {
  require(!image.empty(), ErrorCode::kBadArgument, "an empty picture cannot be resized");
  scratch.across.set(image.width, width);
  scratch.down.set(image.height, height);
  const ResizeFilter& down = scratch.down;
  const std::size_t row_size = 3 * static_cast<std::size_t>(width);
  scratch.row.resize(row_size);
  scratch.sum.assign(row_size * static_cast<std::size_t>(height), 0.0);

  int begin = 0, end = 0;  // the output rows that the current source row reaches
  for (int y = 0; y < image.height; ++y) {
    while (begin < height && down.first[begin] + down.count[begin] <= y) ++begin;
    while (end < height && down.first[end] <= y) ++end;
    if (begin == end) continue;
    if (image.type == ImageView::Type::kU8)
      resize_row<std::uint8_t>(image, y, scratch.across, scratch.row.data());
    else
      resize_row<float>(image, y, scratch.across, scratch.row.data());
    for (int o = begin; o < end; ++o) {
      const double weight =
          down.weights[static_cast<std::size_t>(o) * down.taps + (y - down.first[o])];
      double* sum = scratch.sum.data() + static_cast<std::size_t>(o) * row_size;
      for (std::size_t i = 0; i < row_size; ++i) sum[i] += weight * scratch.row[i];
    }
  }

  const std::size_t plane = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  const double full = image.type == ImageView::Type::kU8 ? 255.0 : 1.0;
  for (std::size_t i = 0; i < plane; ++i)
    for (std::size_t c = 0; c < 3; ++c) {
      const double value = scratch.sum[3 * i + c];
      require(std::isfinite(value), ErrorCode::kBadArgument,
              "a picture has a value that is no finite number; values of pictures in floats are "
              "in [0, 1]");
      planes[c * plane + i] = std::clamp(static_cast<float>(value / full), 0.0f, 1.0f);
    }
}

void image_to_planes(const ImageView& image, int width, int height, float* planes) {
  ResizeScratch scratch;
  image_to_planes(image, width, height, planes, scratch);
}

Image planes_to_image(const float* planes, int width, int height) {
  Image image(width, height);
  const std::size_t plane = image.pixels.size() / 3;
  for (std::size_t i = 0; i < plane; ++i)
    for (std::size_t c = 0; c < 3; ++c) {
      const float value = planes[c * plane + i];
      // Written so that NaN fails the comparison.
      const float inside = value > 0.0f ? std::min(value, 1.0f) : 0.0f;
      image.pixels[3 * i + c] = static_cast<std::uint8_t>(inside * 255.0f + 0.5f);
    }
  return image;
}

Image resize_image(const Image& image, int width, int height) {
  if (image.width == width && image.height == height) return image;
  const Image checked(width, height);  // refuses sizes that no picture may have
  std::vector<float> planes(checked.pixels.size());
  image_to_planes(image, width, height, planes.data());
  return planes_to_image(planes.data(), width, height);
}

}  // namespace ofer
