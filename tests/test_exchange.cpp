// Operations on a caller's memory: pictures, flags and results on the session's device, and the
// lists that are made there from a mask that the host does not know.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "engine/convert.h"
#include "engine/image_resize.h"
#include "engine/ops.h"
#include "ofer/patch_selection.h"
#include "tests/support/error_of.h"
#include "tests/support/random.h"

namespace ofer::test {
namespace {

std::vector<DeviceKind> kinds() {
#if defined(OFER_HAVE_SIMT)
  return {DeviceKind::kCpu, DeviceKind::kSimt};
#else
  return {DeviceKind::kCpu};
#endif
}

SessionOptions options_of(DeviceKind kind) {
  SessionOptions options;
  options.device.kind = kind;
  options.threads = 2;
  return options;
}

// A caller's memory on a session's device.
class Memory {
 public:
  Memory(Session& session, std::size_t bytes) : session_(session), bytes_(bytes) {
    data_ = static_cast<std::byte*>(session.backend().allocate(bytes, session.device()));
    REQUIRE(data_ != nullptr);
  }
  template <class T>
  Memory(Session& session, const std::vector<T>& values)
      : Memory(session, values.size() * sizeof(T)) {
    session.backend().to_device(data_, values.data(), bytes_, session.stream());
    session.synchronise();
  }
  ~Memory() { session_.backend().release(data_, session_.device()); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  const std::byte* data() const { return data_; }
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(data_);
  }
  template <class T>
  std::vector<T> read() {
    std::vector<T> result(bytes_ / sizeof(T));
    session_.backend().to_host(result.data(), data_, bytes_, session_.stream());
    session_.synchronise();
    return result;
  }

 private:
  Session& session_;
  std::size_t bytes_;
  std::byte* data_;
};

std::vector<float> floats_of(Session& session, const Tensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  session.to_host(tensor, values.data());
  return values;
}

std::vector<std::int32_t> indices_of(Session& session, const Tensor& tensor) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(tensor.elements()));
  session.to_host(tensor, values.data());
  return values;
}

Tensor tensor_of(Session& session, const Shape& shape, const std::vector<float>& values) {
  const Tensor tensor = session.allocate(shape);
  session.to_device(tensor, values.data());
  session.synchronise();
  return tensor;
}

// The same picture with its bases at `data`, in place of those at `from`.
ImageView moved(ImageView view, const std::byte* from, const std::byte* data) {
  for (const std::byte** base : {&view.red, &view.green, &view.blue}) *base = data + (*base - from);
  return view;
}

// Planar floats in [0, 1], `row` floats from row to row.
ImageView planar_floats(const std::byte* data, int width, int height, int row) {
  ImageView view;
  view.type = ImageView::Type::kF32;
  view.width = width;
  view.height = height;
  view.pixel_step = sizeof(float);
  view.row_step = row * static_cast<std::ptrdiff_t>(sizeof(float));
  view.red = data;
  view.green = data + height * view.row_step;
  view.blue = data + 2 * height * view.row_step;
  return view;
}

float worst(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  float result = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(std::isfinite(a[i]));
    result = std::max(result, std::fabs(a[i] - b[i]));
  }
  return result;
}

TEST_SUITE("exchange") {
  TEST_CASE("a picture on the device becomes what the host makes of it") {
    // The host's weights are rounded to floats, one axis' after the other.
    constexpr float kAllowed = 1e-6f;
    Random random(1);
    Image image(37, 29);
    for (std::uint8_t& value : image.pixels) value = static_cast<std::uint8_t>(random.below(256));
    std::vector<float> floats(3 * 31 * 40);
    for (float& value : floats) value = static_cast<float>(random.between(-0.2, 1.2));
    const auto* host_floats = reinterpret_cast<const std::byte*>(floats.data());
    for (const DeviceKind kind : kinds()) {
      Session session(options_of(kind));
      Memory bytes(session, image.pixels), numbers(session, floats);
      const auto* host_bytes = reinterpret_cast<const std::byte*>(image.pixels.data());
      const ImageView eight(image), real = planar_floats(host_floats, 37, 31, 40);
      ImageView upside_down = eight;
      for (const std::byte** base : {&upside_down.red, &upside_down.green, &upside_down.blue})
        *base += (image.height - 1) * upside_down.row_step;
      upside_down.row_step = -upside_down.row_step;
      for (const auto& [width, height] : {std::pair{16, 16}, {64, 50}, {37, 29}, {1, 1}, {5, 90}}) {
        CAPTURE(width);
        CAPTURE(height);
        for (const ImageView& view : {eight, upside_down, real}) {
          const bool is_float = view.type == ImageView::Type::kF32;
          std::vector<float> expected(3 * static_cast<std::size_t>(width * height));
          image_to_planes(view, width, height, expected.data());
          const ImageView there = is_float ? moved(view, host_floats, numbers.data())
                                           : moved(view, host_bytes, bytes.data());
          const Tensor y = ops::image_planes(session, there, height, width);
          CHECK(y.shape() == Shape{3, height, width});
          CHECK(worst(floats_of(session, y), expected) <= kAllowed);
        }
      }
    }
  }

  TEST_CASE("a very long picture keeps its mean") {
    std::vector<std::uint8_t> row(200'000);
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = i % 2 ? 100 : 101;
    for (const DeviceKind kind : kinds()) {
      Session session(options_of(kind));
      Memory memory(session, row);
      ImageView view;
      view.red = view.green = view.blue = memory.data();
      view.pixel_step = 1;
      view.row_step = static_cast<std::ptrdiff_t>(row.size());
      view.width = static_cast<int>(row.size());
      view.height = 1;
      for (int turn = 0; turn < 2; ++turn) {
        for (const float value : floats_of(session, ops::image_planes(session, view, 1, 1)))
          CHECK(std::fabs(value - 100.5f / 255) < 1e-6f);
        std::swap(view.width, view.height);
        std::swap(view.pixel_step, view.row_step);
      }
    }
  }

  TEST_CASE("floats that are not aligned: read on a CPU, refused on a GPU") {
    std::vector<float> floats(3 * 6 * 5);
    for (std::size_t i = 0; i < floats.size(); ++i) floats[i] = static_cast<float>(i) / 90;
    std::vector<std::byte> shifted(floats.size() * sizeof(float) + 1);
    std::memcpy(shifted.data() + 1, floats.data(), floats.size() * sizeof(float));
    std::vector<float> expected(3 * 4 * 4);
    image_to_planes(planar_floats(reinterpret_cast<const std::byte*>(floats.data()), 5, 6, 5), 4, 4,
                    expected.data());
    for (const DeviceKind kind : kinds()) {
      Session session(options_of(kind));
      Memory memory(session, shifted);
      const ImageView view = planar_floats(memory.data() + 1, 5, 6, 5);
      std::vector<float> got;
      const std::string error =
          error_of([&] { got = floats_of(session, ops::image_planes(session, view, 4, 4)); });
      if (kind == DeviceKind::kCpu)
        CHECK(worst(got, expected) <= 1e-6f);
      else
        CHECK_MESSAGE(has(error, "lie at multiples of 4 bytes"), error);
      // Steps that lead nowhere may be anything.
      ImageView pixel = planar_floats(memory.data() + 4, 1, 1, 1);
      pixel.green = pixel.blue = pixel.red;
      pixel.pixel_step = 3;
      pixel.row_step = -5;
      CHECK(floats_of(session, ops::image_planes(session, pixel, 1, 1)).size() == 3);
    }
  }

  TEST_CASE("what is no number counts as 0, pictures that cannot be are refused") {
    for (const DeviceKind kind : kinds()) {
      Session session(options_of(kind));
      Memory memory(session, std::vector<float>{NAN, HUGE_VALF, -HUGE_VALF});
      const ImageView view = planar_floats(memory.data(), 1, 1, 1);
      CHECK(floats_of(session, ops::image_planes(session, view, 1, 1)) ==
            std::vector<float>{0, 1, 0});
      CHECK(has(error_of([&] { ops::image_planes(session, ImageView(), 4, 4); }), "is empty"));
      CHECK(has(error_of([&] { ops::image_planes(session, view, 0, 4); }), "resized to 0 x 4"));
      CHECK(has(error_of([&] {
                  ops::image_planes(session, view, session.allocate({1, 4, 4}));
                }),
                "expected [3, 4, 4]"));
      ImageView large = view;
      large.width = large.height = 10'001;
      CHECK(has(error_of([&] { ops::image_planes(session, large, 4, 4); }), "over the limit"));
      // A pass that is counted has no picture.
      Session fresh(options_of(kind));
      CHECK(fresh.count([&] { ops::image_planes(fresh, ImageView(), 4, 4); }) >=
            3 * 4 * 4 * sizeof(float));
    }
  }

  TEST_CASE("flags and results in types of their own") {
    const std::vector<float> values = {0.25f, -1, 3, 0, NAN, 3};
    for (const DeviceKind kind : kinds()) {
      Session session(options_of(kind));
      const Tensor x = tensor_of(session, {2, 3}, values);
      Memory floats(session, 6 * sizeof(float)), flags(session, 6), top(session, 8);
      ops::export_floats(session, x, floats.as<float>());
      ops::export_flags(session, x, flags.as<std::uint8_t>());
      ops::export_top(session, x, top.as<std::int32_t>());
      const std::vector<float> moved_floats = floats.read<float>();
      for (std::size_t i = 0; i < values.size(); ++i)
        CHECK((moved_floats[i] == values[i] || (std::isnan(moved_floats[i]) && i == 4)));
      CHECK(flags.read<std::uint8_t>() == std::vector<std::uint8_t>{1, 0, 1, 0, 0, 1});
      CHECK(top.read<std::int32_t>() == std::vector<std::int32_t>{2, 2});
      const Tensor back = session.allocate({6});
      ops::import_flags(session, flags.as<std::uint8_t>(), back);
      CHECK(floats_of(session, back) == std::vector<float>{1, 0, 1, 0, 0, 1});

      CHECK(has(error_of([&] { ops::export_floats(session, x, nullptr); }), "null"));
      CHECK(has(error_of([&] { ops::export_flags(session, x, nullptr); }), "null"));
      CHECK(has(error_of([&] { ops::export_top(session, x, nullptr); }), "null"));
      CHECK(has(error_of([&] { ops::import_flags(session, nullptr, back); }), "null"));
      Session fresh(options_of(kind));
      fresh.count([&] {
        const Tensor counted = fresh.allocate({2, 3});
        ops::export_floats(fresh, counted, nullptr);
        ops::export_flags(fresh, counted, nullptr);
        ops::export_top(fresh, counted, nullptr);
        ops::import_flags(fresh, nullptr, counted);
      });
    }
  }

  TEST_CASE("the lists of a mask say what the host's packed ones say") {
    constexpr std::int64_t kImages = 4, kPatches = 49;
    std::vector<std::uint8_t> mask(kImages * kPatches);
    Random random(3);
    for (std::size_t i = 0; i < mask.size(); ++i)
      mask[i] = i >= kPatches && (i < 2 * kPatches || random.below(3) == 0);  // none, all, some
    const std::vector<float> covered(mask.begin(), mask.end());
    for (const DeviceKind kind : kinds()) {
      Session session(options_of(kind));
      Staging staging(session.device());
      PatchSelection packed;
      packed.assign(kImages, kPatches, mask);
      packed.upload(session, staging);
      session.synchronise();
      const ops::PatchLists lists =
          ops::patch_lists(session, tensor_of(session, {kImages, kPatches}, covered));
      const auto used = indices_of(session, lists.used);
      const auto tokens = indices_of(session, lists.token_source);
      const auto packed_tokens = indices_of(session, packed.token_source());
      const auto grid = indices_of(session, lists.grid_source);
      const auto packed_grid = indices_of(session, packed.grid_source());
      const auto places = indices_of(session, lists.patch_source);
      const auto packed_places = indices_of(session, packed.patch_source());
      CHECK(floats_of(session, lists.any) == floats_of(session, packed.covered_flag()));
      REQUIRE(grid.size() == packed_grid.size());
      REQUIRE(places.size() == packed_places.size());
      for (std::int64_t n = 0; n < kImages; ++n) {
        const auto at = static_cast<std::size_t>(n);
        const std::int32_t begin = used[2 * at], from = packed.visible().host[n];
        const std::int32_t count = packed.visible().host[n + 1] - from;
        CHECK(begin == n * (kPatches + 1));
        CHECK(used[2 * at + 1] == begin + count);
        for (std::int32_t row = 0; row < kPatches + 1; ++row)
          CHECK(tokens[static_cast<std::size_t>(begin + row)] ==
                (row < count ? packed_tokens[static_cast<std::size_t>(from + row)] : -1));
        const auto same_row = [&](std::int32_t own, std::int32_t other) {
          return own < 0 ? other < 0 : own - begin == other - from;
        };
        for (std::size_t i = 0; i < kPatches + 1; ++i)
          CHECK(same_row(grid[at * (kPatches + 1) + i], packed_grid[at * (kPatches + 1) + i]));
        for (std::size_t i = 0; i < kPatches; ++i)
          CHECK(same_row(places[at * kPatches + i], packed_places[at * kPatches + i]));
      }
    }
  }

  TEST_CASE("lists are not recorded") {
    Session session(options_of(DeviceKind::kCpu));
    Tensor covered = tensor_of(session, {1, 3}, {0, 1, 0});
    Session::Recording recording(session);
    recording.tape().watch(covered);
    const ops::PatchLists lists = ops::patch_lists(session, covered);
    CHECK(recording.tape().follows(covered));
    CHECK_FALSE(recording.tape().follows(lists.any));
    CHECK(
        has(error_of([&] { ops::patch_lists(session, covered.view({3})); }), "covered has shape"));
  }
}

}  // namespace
}  // namespace ofer::test
