#include "ofer/data/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "engine/error.h"
#include "engine/image_resize.h"

namespace ofer {

namespace {

constexpr float kPi = std::numbers::pi_v<float>;
// How often a part of random area and proportions is drawn before one that fits is given up.
constexpr int kTries = 10;

std::uint8_t rounded(float value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0.0f, 255.0f) + 0.5f);
}

int luma(const std::uint8_t* p) {
  return (299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000;
}

// Proportions between low and high, as likely below 1 as above.
float proportion(float low, float high, SeededNumbers& numbers) {
  return std::exp(numbers.uniform(std::log(low), std::log(high)));
}

// From the result to the source: the seen part, the shift, the turn about the middle, the flip.
Affine map_of(const Image& face, const Augmentation& a, int side) {
  const auto w = static_cast<float>(face.width), h = static_cast<float>(face.height);
  const auto n = static_cast<float>(side);
  Affine map = Affine::moved(-a.shift_x, -a.shift_y) >>
               Affine::scaled(a.width * w / n, a.height * h / n) >>
               Affine::moved(a.left * w, a.top * h);
  if (a.angle != 0)
    map = map >> Affine::moved(-w / 2, -h / 2) >> Affine::turned(-a.angle) >>
          Affine::moved(w / 2, h / 2);
  if (a.flipped) map = map >> Affine::scaled(-1, 1) >> Affine::moved(w, 0);
  return map;
}

Image moved(const Image& face, const Augmentation& a, int side) {
  const Affine map = map_of(face, a, side);
  Image result(side, side);
  std::uint8_t* out = result.pixels.data();
  const bool copies = std::fabs(map.xx) == 1 && map.xy == 0 && map.yx == 0 && map.yy == 1 &&
                      map.x0 == std::floor(map.x0) && map.y0 == std::floor(map.y0);
  if (copies) {
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x, out += 3) {
        int u = static_cast<int>(std::floor(map.u(static_cast<float>(x) + 0.5f, 0)));
        int v = y + static_cast<int>(map.y0);
        if (u < 0 || v < 0 || u >= face.width || v >= face.height) {
          if (a.border == Border::kZero) continue;
          u = std::clamp(u, 0, face.width - 1);
          v = std::clamp(v, 0, face.height - 1);
        }
        std::copy_n(face.at(u, v), 3, out);
      }
    return result;
  }
  const SampledPicture<std::uint8_t, 3> source{face.pixels.data(), face.width, face.height,
                                               a.border};
  const int grid = sampling_grid(map);
  float colour[3];
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x, out += 3) {
      source.pixel(map, x, y, grid, colour);
      for (int c = 0; c < 3; ++c) out[c] = rounded(colour[c]);
    }
  return result;
}

// v -> contrast (brightness v - m) + m, m the mean luma of the brightened picture.
void change_light(Image& image, float brightness, float contrast) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3)
    sum += static_cast<std::uint64_t>(luma(image.pixels.data() + i));
  const double mean = static_cast<double>(brightness) * static_cast<double>(sum) /
                      static_cast<double>(image.pixels.size() / 3);
  std::array<std::uint8_t, 256> table;
  for (int v = 0; v < 256; ++v)
    table[static_cast<std::size_t>(v)] = rounded(static_cast<float>(
        static_cast<double>(contrast) * (static_cast<double>(brightness) * v - mean) + mean));
  for (std::uint8_t& value : image.pixels) value = table[value];
}

}  // namespace

AugmentOptions recogniser_augmentation() {
  AugmentOptions options;
  options.flip = 0.5;
  options.rotate_crop = 0.2;
  options.erase = 0.5;
  return options;
}

AugmentOptions autoencoder_augmentation() {
  AugmentOptions options;
  options.flip = 0.5;
  options.resized_crop = 1;
  return options;
}

void check(const AugmentOptions& o) {
  struct Probability {
    const char* name;
    double value;
  };
  for (const auto& [name, value] : {Probability{"flip", o.flip},
                                    {"rotate_crop", o.rotate_crop},
                                    {"resized_crop", o.resized_crop},
                                    {"jitter", o.jitter},
                                    {"grey", o.grey},
                                    {"blur", o.blur},
                                    {"erase", o.erase}})
    require(value >= 0 && value <= 1, ErrorCode::kBadArgument, "augmentation ", name,
            " has the probability ", value, "; 0 to 1 is possible");
  require(o.rotation >= 0 && o.rotation <= 180, ErrorCode::kBadArgument, "a rotation of up to ",
          o.rotation, " degrees; 0 to 180 is possible");
  require(o.crop_padding >= 0 && o.crop_padding <= 1, ErrorCode::kBadArgument, "a crop padding of ",
          o.crop_padding, " of the side; 0 to 1 is possible");
  require(o.min_area > 0 && o.min_area <= o.max_area && o.max_area <= 1, ErrorCode::kBadArgument,
          "resized crops from ", o.min_area, " to ", o.max_area,
          " of the area; 0 < min_area <= max_area <= 1 is needed");
  require(o.brightness >= 0 && o.brightness <= 1 && o.contrast >= 0 && o.contrast <= 1,
          ErrorCode::kBadArgument, "brightness and contrast may change by 0 to 1, not by ",
          o.brightness, " and ", o.contrast);
  require(o.max_reduction >= 1 && o.max_reduction <= 1000, ErrorCode::kBadArgument,
          "a reduction by up to ", o.max_reduction, "; 1 to 1000 is possible");
  require(o.min_erased > 0 && o.min_erased <= o.max_erased && o.max_erased <= 1,
          ErrorCode::kBadArgument, "erasing from ", o.min_erased, " to ", o.max_erased,
          " of the area; 0 < min_erased <= max_erased <= 1 is needed");
}

Augmentation draw_augmentation(const AugmentOptions& o, int side, SeededNumbers& numbers) {
  Augmentation a;
  a.border = o.border;
  a.erased = o.erased;
  a.flipped = numbers.chance(o.flip);
  if (numbers.chance(o.rotate_crop)) {
    a.angle = numbers.uniform(-o.rotation, o.rotation) * kPi / 180;
    const int padding = static_cast<int>(std::lround(o.crop_padding * static_cast<float>(side)));
    a.shift_x = static_cast<float>(numbers.index(2 * padding + 1) - padding);
    a.shift_y = static_cast<float>(numbers.index(2 * padding + 1) - padding);
  }
  if (numbers.chance(o.resized_crop))
    for (int i = 0; i < kTries; ++i) {
      const float area = numbers.uniform(o.min_area, o.max_area);
      const float tall = proportion(0.75f, 4.0f / 3, numbers);
      const float width = std::sqrt(area / tall), height = std::sqrt(area * tall);
      if (width > 1 || height > 1) continue;
      a.width = width;
      a.height = height;
      a.left = numbers.uniform(0, 1 - width);
      a.top = numbers.uniform(0, 1 - height);
      break;
    }
  if (numbers.chance(o.jitter)) {
    a.brightness = numbers.uniform(1 - o.brightness, 1 + o.brightness);
    a.contrast = numbers.uniform(1 - o.contrast, 1 + o.contrast);
  }
  a.grey = numbers.chance(o.grey);
  if (numbers.chance(o.blur)) a.reduction = numbers.uniform(1, o.max_reduction);
  if (numbers.chance(o.erase))
    for (int i = 0; i < kTries; ++i) {
      const float area = numbers.uniform(o.min_erased, o.max_erased) * static_cast<float>(side) *
                         static_cast<float>(side);
      const float tall = proportion(0.3f, 3.3f, numbers);
      const int width = static_cast<int>(std::lround(std::sqrt(area / tall)));
      const int height = static_cast<int>(std::lround(std::sqrt(area * tall)));
      if (width < 1 || height < 1 || width > side || height > side) continue;
      a.erase_width = width;
      a.erase_height = height;
      a.erase_x = numbers.index(side - width + 1);
      a.erase_y = numbers.index(side - height + 1);
      break;
    }
  return a;
}

Image augmented(const Image& face, const Augmentation& a, int side) {
  require(!face.empty(), ErrorCode::kBadArgument, "an empty picture cannot be varied");
  Image image = moved(face, a, side);
  if (a.brightness != 1 || a.contrast != 1) change_light(image, a.brightness, a.contrast);
  if (a.grey)
    for (std::size_t i = 0; i < image.pixels.size(); i += 3)
      std::fill_n(image.pixels.begin() + static_cast<std::ptrdiff_t>(i), 3,
                  static_cast<std::uint8_t>(luma(image.pixels.data() + i)));
  if (a.reduction > 1) {
    const int small =
        std::max(1, static_cast<int>(std::lround(static_cast<float>(side) / a.reduction)));
    image = resize_image(resize_image(image, small, small), side, side);
  }
  const int right = std::min(a.erase_x + a.erase_width, side);
  const int bottom = std::min(a.erase_y + a.erase_height, side);
  for (int y = std::max(a.erase_y, 0); y < bottom; ++y)
    for (int x = std::max(a.erase_x, 0); x < right; ++x) {
      std::uint8_t* p = image.at(x, y);
      p[0] = a.erased.red, p[1] = a.erased.green, p[2] = a.erased.blue;
    }
  return image;
}

}  // namespace ofer
