// Pictures and masks taken from, and results given to, memory of a caller's on the session's
// device.
#include <cstddef>
#include <cstdint>

#include "engine/image.h"
#include "engine/ops_support.h"

namespace ofer::ops {

namespace {

// Does a caller's memory take part? A pass that is counted has none.
bool expected(Session& session, const Tensor& tensor) {
  return !session.counting() && tensor.elements() > 0;
}

// A GPU reads a float in one piece.
bool floats_aligned(const ImageView& picture) {
  constexpr std::uintptr_t kFloat = sizeof(float);
  for (const std::byte* base : {picture.red, picture.green, picture.blue})
    if (reinterpret_cast<std::uintptr_t>(base) % kFloat != 0) return false;
  const auto fits = [](std::ptrdiff_t step) {
    return step % static_cast<std::ptrdiff_t>(kFloat) == 0;
  };
  return (picture.width == 1 || fits(picture.pixel_step)) &&
         (picture.height == 1 || fits(picture.row_step));
}

void check_picture(Session& session, const ImageView& picture) {
  require(!picture.empty(), ErrorCode::kBadArgument, "image_planes: the picture is empty");
  require(std::int64_t{picture.width} * picture.height <= kMaxPixels, ErrorCode::kBadArgument,
          "image_planes: a picture of ", picture.width, " x ", picture.height,
          " pixels is over the limit of ", kMaxPixels, " pixels");
  require(
      picture.type == ImageView::Type::kU8 || session.device().kind == DeviceKind::kCpu ||
          floats_aligned(picture),
      ErrorCode::kBadArgument,
      "image_planes: in a GPU's memory the floats of a picture lie at multiples of 4 bytes, and "
      "some of this one's do not; copy it to where they do");
}

}  // namespace

void image_planes(Session& session, const ImageView& picture, const Tensor& y) {
  check_input(session, y, "image_planes", "y");
  check_rank(y, 3, 3, "image_planes", "y");
  const std::int64_t height = y.size(1), width = y.size(2);
  check_shape(y, {3, height, width}, "image_planes", "y");
  require(height > 0 && height <= kMaxPixels && width > 0 && width <= kMaxPixels,
          ErrorCode::kBadArgument, "image_planes: a picture cannot be resized to ", height, " x ",
          width);
  if (session.counting()) return;  // there may be no picture yet
  check_picture(session, picture);
  const auto channel = [](const std::byte* base) {
    return reinterpret_cast<const std::uint8_t*>(base);
  };
  dispatch(y.dtype(), [&]<class T>() {
    kernels::ImagePlanesArgs<T> args{
        channel(picture.red),
        channel(picture.green),
        channel(picture.blue),
        picture.pixel_step,
        picture.row_step,
        picture.type == ImageView::Type::kU8 ? kernels::PixelType::kU8 : kernels::PixelType::kF32,
        y.data<T>(),
        picture.height,
        picture.width,
        height,
        width};
    OFER_CALL(session, image_planes, args);
  });
}

Tensor image_planes(Session& session, const ImageView& picture, std::int64_t height,
                    std::int64_t width) {
  require(height > 0 && width > 0, ErrorCode::kBadArgument,
          "image_planes: a picture cannot be resized to ", height, " x ", width);
  Tensor y = session.allocate({3, height, width});
  image_planes(session, picture, y);
  return y;
}

void import_flags(Session& session, const std::uint8_t* from, const Tensor& y) {
  check_input(session, y, "import_flags", "y");
  require(from != nullptr || !expected(session, y), ErrorCode::kBadArgument,
          "import_flags: there are no flags: null");
  dispatch(y.dtype(), [&]<class T>() {
    kernels::ImportFlagsArgs<T> args{from, y.data<T>(), y.elements()};
    OFER_CALL(session, import_flags, args);
  });
}

void export_floats(Session& session, const Tensor& x, float* to) {
  check_input(session, x, "export_floats", "x");
  require(to != nullptr || !expected(session, x), ErrorCode::kBadArgument,
          "export_floats: there is no place for the numbers: null");
  dispatch(x.dtype(), [&]<class T>() {
    kernels::ExportFloatsArgs<T> args{x.data<T>(), to, x.elements()};
    OFER_CALL(session, export_floats, args);
  });
}

void export_flags(Session& session, const Tensor& x, std::uint8_t* to) {
  check_input(session, x, "export_flags", "x");
  require(to != nullptr || !expected(session, x), ErrorCode::kBadArgument,
          "export_flags: there is no place for the flags: null");
  dispatch(x.dtype(), [&]<class T>() {
    kernels::ExportFlagsArgs<T> args{x.data<T>(), to, x.elements()};
    OFER_CALL(session, export_flags, args);
  });
}

void export_top(Session& session, const Tensor& x, std::int32_t* to) {
  check_input(session, x, "export_top", "x");
  check_rank(x, 2, 2, "export_top", "x");
  require(x.size(1) > 0 && x.size(1) < (std::int64_t{1} << 31), ErrorCode::kBadArgument,
          "export_top: rows of ", x.size(1), " elements");
  require(to != nullptr || !expected(session, x), ErrorCode::kBadArgument,
          "export_top: there is no place for the positions: null");
  dispatch(x.dtype(), [&]<class T>() {
    kernels::ExportTopArgs<T> args{x.data<T>(), to, x.size(0), x.size(1)};
    OFER_CALL(session, export_top, args);
  });
}

}  // namespace ofer::ops
