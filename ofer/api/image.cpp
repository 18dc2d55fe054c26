#include "ofer/api/image.h"

#include <array>
#include <cstdint>

#include "engine/error.h"

namespace ofer::api {
namespace {

// Where red, green and blue are among a pixel's channels.
struct Channels {
  int count = 0;
  std::array<int, 3> place{};
};

Channels channels_of(std::int32_t format) {
  switch (format) {
    case OFER_RGB:
      return {3, {0, 1, 2}};
    case OFER_BGR:
      return {3, {2, 1, 0}};
    case OFER_RGBA:
      return {4, {0, 1, 2}};
    case OFER_BGRA:
      return {4, {2, 1, 0}};
    case OFER_GREY:
      return {1, {0, 0, 0}};
    default:
      fail(ErrorCode::kBadArgument, "format ", format, " is none of OFER_RGB to OFER_GREY");
  }
}

}  // namespace

ImageView view_of(const ofer_image& image) {
  require(image.data != nullptr, ErrorCode::kBadArgument, "its data is null");
  require(image.width > 0 && image.height > 0, ErrorCode::kBadArgument, "a picture of ",
          image.width, " x ", image.height, " pixels: both sides must be at least 1");
  require(std::int64_t{image.width} * image.height <= kMaxPixels, ErrorCode::kBadArgument,
          "a picture of ", image.width, " x ", image.height, " pixels is over the limit of ",
          kMaxPixels);
  require(image.layout == OFER_INTERLEAVED || image.layout == OFER_PLANAR, ErrorCode::kBadArgument,
          "layout ", image.layout, " is neither OFER_INTERLEAVED nor OFER_PLANAR");
  require(image.type == OFER_U8_PIXELS || image.type == OFER_F32_PIXELS, ErrorCode::kBadArgument,
          "type ", image.type, " is neither OFER_U8_PIXELS nor OFER_F32_PIXELS");
  require(image.memory == OFER_MEMORY_HOST || image.memory == OFER_MEMORY_DEVICE,
          ErrorCode::kBadArgument, "memory ", image.memory, " is none of OFER_MEMORY_...");
  const Channels channels = channels_of(image.format);
  const bool planar = image.layout == OFER_PLANAR;
  const std::ptrdiff_t value = image.type == OFER_U8_PIXELS ? 1 : sizeof(float);
  const std::ptrdiff_t pixel = planar ? value : value * channels.count;
  const std::ptrdiff_t row = pixel * image.width;
  const std::ptrdiff_t row_step = image.row_stride == 0 ? row : image.row_stride;
  // Far from where products of a stride and a side, at most 10^8, could overflow.
  constexpr std::ptrdiff_t kLongest = std::ptrdiff_t{1} << 36;
  require(row_step < kLongest && row_step > -kLongest, ErrorCode::kBadArgument, "a row stride of ",
          row_step, " bytes");
  require(row_step >= row || row_step <= -row, ErrorCode::kBadArgument, "a row stride of ",
          row_step, " bytes is too small: a row has ", row);
  const std::ptrdiff_t plane = (row_step < 0 ? -row_step : row_step) * image.height;
  const std::ptrdiff_t plane_step = image.plane_stride == 0 ? plane : image.plane_stride;
  if (planar) {
    require(plane_step < kLongest * 4 && plane_step > -kLongest * 4, ErrorCode::kBadArgument,
            "a plane stride of ", plane_step, " bytes");
    // The planes may lie inside each other's padding, row by row, but not on each other.
    require(plane_step >= row || plane_step <= -row || channels.count == 1, ErrorCode::kBadArgument,
            "a plane stride of ", plane_step, " bytes is too small: a row has ", row);
  } else {
    require(image.plane_stride == 0, ErrorCode::kBadArgument,
            "a plane stride of interleaved pixels");
  }
  ImageView view;
  view.type = image.type == OFER_U8_PIXELS ? ImageView::Type::kU8 : ImageView::Type::kF32;
  view.width = image.width;
  view.height = image.height;
  view.pixel_step = pixel;
  view.row_step = row_step;
  const auto* base = static_cast<const std::byte*>(image.data);
  const std::ptrdiff_t step = planar ? plane_step : value;
  view.red = base + channels.place[0] * step;
  view.green = base + channels.place[1] * step;
  view.blue = base + channels.place[2] * step;
  return view;
}

}  // namespace ofer::api
