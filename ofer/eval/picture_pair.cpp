#include "ofer/eval/picture_pair.h"

#include "engine/error.h"

namespace ofer {

namespace {

std::size_t size_of(const Planes& p) {
  return static_cast<std::size_t>(p.channels) * static_cast<std::size_t>(p.height) *
         static_cast<std::size_t>(p.width);
}

}  // namespace

Planes planes_of(const Image& image) {
  Planes planes{3, image.height, image.width, {}};
  const std::size_t pixels = image.pixels.size() / 3;
  planes.values.resize(3 * pixels);
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t i = 0; i < pixels; ++i)
      planes.values[c * pixels + i] = static_cast<float>(image.pixels[3 * i + c]) / 255.0f;
  return planes;
}

void check_pair(const Planes& a, const Planes& b, const char* what) {
  require(a.channels == b.channels && a.height == b.height && a.width == b.width,
          ErrorCode::kBadArgument, what, " of pictures of ", a.channels, " x ", a.height, " x ",
          a.width, " and ", b.channels, " x ", b.height, " x ", b.width,
          ": resize one to the other first");
  require(a.channels >= 1 && a.height >= 1 && a.width >= 1, ErrorCode::kBadArgument, what,
          " of empty pictures (", a.channels, " x ", a.height, " x ", a.width, ")");
  for (const Planes* p : {&a, &b}) {
    require(p->values.size() == size_of(*p), ErrorCode::kBadArgument, what, " of a picture of ",
            p->channels, " x ", p->height, " x ", p->width, " with ", p->values.size(), " values");
    for (const float v : p->values)
      require(v >= 0 && v <= 1, ErrorCode::kBadArgument, what, ": a value of the picture is ", v,
              "; scale and clamp it to [0, 1]");  // NaN fails both
  }
}

void check_mask(std::span<const std::uint8_t> mask, int height, int width, const char* what) {
  require(mask.size() == static_cast<std::size_t>(height) * static_cast<std::size_t>(width),
          ErrorCode::kBadArgument, what, ": a mask of ", mask.size(), " values for ", height, " x ",
          width, " pixels");
}

}  // namespace ofer
