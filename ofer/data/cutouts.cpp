#include "ofer/data/cutouts.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <set>
#include <system_error>
#include <utility>

#include "engine/error.h"
#include "engine/image_io.h"
#include "engine/image_resize.h"
#include "ofer/data/affine.h"
#include "ofer/data/dataset_builder.h"
#include "ofer/data/labels.h"
#include "ofer/data/picture_files.h"
#include "ofer/data/text_lines.h"

namespace ofer {

namespace {

namespace fs = std::filesystem;

// Between which numbers the place of a kind is drawn.
struct PlaceRange {
  std::string_view kind;
  float x[2], y[2], width[2];
  float rotation;  // degrees, either way
};
constexpr PlaceRange kPlaces[] = {
    {"mask", {0.47f, 0.53f}, {0.67f, 0.75f}, {0.66f, 0.86f}, 8},
    {"scarf", {0.45f, 0.55f}, {0.74f, 0.88f}, {0.90f, 1.25f}, 12},
    {"glasses", {0.47f, 0.53f}, {0.38f, 0.43f}, {0.66f, 0.84f}, 6},
    {"hat", {0.45f, 0.55f}, {0.05f, 0.18f}, {0.85f, 1.20f}, 10},
    {"hand", {0.22f, 0.78f}, {0.42f, 0.85f}, {0.30f, 0.55f}, 180},
};
constexpr PlaceRange kAnywhere{"", {0.15f, 0.85f}, {0.15f, 0.85f}, {0.25f, 0.60f}, 180};

// Kinds by file, from the folder's table if it has one.
std::map<std::string, std::string> kinds_of(const fs::path& folder, DataReport& report) {
  std::map<std::string, std::string> kinds;
  const fs::path table = folder / "occluders.csv";
  std::error_code ignored;
  if (!fs::is_regular_file(table, ignored)) return kinds;
  TextLines lines(table);
  std::vector<CsvField> fields;
  int file = -1, kind = -1;
  if (lines.next() && split_csv(lines.text(), ',', fields))
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const std::string name = lower_case(trimmed(fields[i].text));
      if (name == "file") file = static_cast<int>(i);
      if (name == "kind") kind = static_cast<int>(i);
    }
  require(file >= 0 && kind >= 0, ErrorCode::kBadFile, quotable(table.string()),
          ": the first line must name the columns file and kind");
  while (lines.next()) {
    if (trimmed(lines.text()).empty()) continue;
    const ListPlace place{"occluders.csv", lines.number()};
    const auto last = static_cast<std::size_t>(std::max(file, kind));
    if (lines.too_long() || !split_csv(lines.text(), ',', fields) || fields.size() <= last) {
      report.add(DataProblem::kBadLine, place.text() + ": not a file and a kind");
      continue;
    }
    const std::string name(trimmed(fields[static_cast<std::size_t>(file)].text));
    if (!fs::is_regular_file(folder / name, ignored))
      report.add(DataProblem::kMissingFile,
                 message(place.text(), ": ", quotable(name), " is not there"));
    kinds[name] = lower_case(trimmed(fields[static_cast<std::size_t>(kind)].text));
  }
  return kinds;
}

std::string kind_of(const fs::path& name, const std::map<std::string, std::string>& kinds) {
  if (const auto known = kinds.find(name.string()); known != kinds.end()) return known->second;
  if (name.has_parent_path()) return lower_case(name.parent_path().filename().string());
  const std::string stem = name.filename().string();
  const std::string kind = lower_case(stem.substr(0, stem.find_first_of("0123456789_-.")));
  return kind.empty() ? "object" : kind;
}

struct Box {
  int left, top, width, height;
};

// The smallest one that holds every pixel that is not transparent; width 0 when none is.
Box visible_box(const ImageWithAlpha& picture) {
  const int w = picture.image.width, h = picture.image.height;
  int left = w, right = -1, top = h, bottom = -1;
  std::size_t i = 0;
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x, ++i) {
      if (picture.alpha[i] == 0) continue;
      left = std::min(left, x), right = std::max(right, x);
      top = std::min(top, y), bottom = std::max(bottom, y);
    }
  return {left, top, right < 0 ? 0 : right - left + 1, right < 0 ? 0 : bottom - top + 1};
}

// Why a picture is no cut-out, or nothing.
const char* read_cutout(const ImageWithAlpha& picture, int largest, Cutout& cutout) {
  const auto [left, top, width, height] = visible_box(picture);
  if (width == 0) return "every pixel is transparent";
  if (std::find_if(picture.alpha.begin(), picture.alpha.end(),
                   [](std::uint8_t a) { return a < 255; }) == picture.alpha.end())
    return "has no transparency; its background would be pasted too";

  const double shrink = std::min(1.0, static_cast<double>(largest) / std::max(width, height));
  cutout.width = std::max(1, static_cast<int>(std::lround(width * shrink)));
  cutout.height = std::max(1, static_cast<int>(std::lround(height * shrink)));
  Image colours = crop(picture.image, left, top, width, height), opacities(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const int a = picture.alpha[static_cast<std::size_t>(y + top) *
                                      static_cast<std::size_t>(picture.image.width) +
                                  static_cast<std::size_t>(x + left)];
      for (int c = 0; c < 3; ++c) {
        std::uint8_t& colour = colours.at(x, y)[c];
        colour = static_cast<std::uint8_t>((colour * a + 127) / 255);
        opacities.at(x, y)[c] = static_cast<std::uint8_t>(a);
      }
    }
  const std::size_t plane =
      static_cast<std::size_t>(cutout.width) * static_cast<std::size_t>(cutout.height);
  std::vector<float> colour(3 * plane), opacity(3 * plane);
  image_to_planes(colours, cutout.width, cutout.height, colour.data());
  image_to_planes(opacities, cutout.width, cutout.height, opacity.data());
  cutout.pixels.resize(plane);
  for (std::size_t i = 0; i < plane; ++i)
    cutout.pixels[i] = {colour[i], colour[plane + i], colour[2 * plane + i], opacity[i]};
  return nullptr;
}

}  // namespace

std::vector<std::string> CutoutSet::kinds() const {
  std::set<std::string> kinds;
  for (const Cutout& cutout : cutouts) kinds.insert(cutout.kind);
  return {kinds.begin(), kinds.end()};
}

std::vector<std::size_t> CutoutSet::of_kind(std::string_view kind) const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < cutouts.size(); ++i)
    if (cutouts[i].kind == kind) found.push_back(i);
  return found;
}

CutoutSet load_cutouts(const fs::path& folder, int largest) {
  require(largest >= 1, ErrorCode::kBadArgument, "cut-outs of at most ", largest,
          " pixels along a side; at least 1 is needed");
  std::vector<fs::path> files;
  try {
    files = list_pictures(folder, true);
  } catch (const fs::filesystem_error& error) {
    fail(ErrorCode::kIo, quotable(folder.string()),
         ": cannot list this folder: ", error.code().message());
  }
  CutoutSet set;
  const std::map<std::string, std::string> kinds = kinds_of(folder, set.report);
  for (const fs::path& file : files) {
    Cutout cutout;
    const fs::path name = file.lexically_relative(folder);
    cutout.name = name.string();
    cutout.kind = kind_of(name, kinds);
    try {
      if (const char* why = read_cutout(load_image_with_alpha(file), largest, cutout)) {
        set.report.add(DataProblem::kBadImage, message(quotable(cutout.name), ": ", why));
        continue;
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kOutOfMemory) throw;
      set.report.add(DataProblem::kBadImage, error.what());
      continue;
    }
    set.cutouts.push_back(std::move(cutout));
  }
  if (set.cutouts.empty()) {
    const auto& bad = set.report.examples(DataProblem::kBadImage);
    fail(ErrorCode::kBadFile, quotable(folder.string()),
         ": no cut-outs in it; pictures with transparency (.png) are needed",
         bad.empty() ? "" : "; ", bad.empty() ? "" : bad.front());
  }
  return set;
}

CutoutPlace plausible_place(std::string_view kind, SeededNumbers& numbers) {
  const PlaceRange* range = &kAnywhere;
  for (const PlaceRange& one : kPlaces)
    if (one.kind == kind) range = &one;
  CutoutPlace place;
  place.x = numbers.uniform(range->x[0], range->x[1]);
  place.y = numbers.uniform(range->y[0], range->y[1]);
  place.width = numbers.uniform(range->width[0], range->width[1]);
  place.angle =
      numbers.uniform(-range->rotation, range->rotation) * std::numbers::pi_v<float> / 180;
  place.mirrored = numbers.chance(0.5);
  return place;
}

Layer cutout_layer(const Cutout& cutout, int width, int height, const CutoutPlace& place) {
  require(place.width > 0 && place.width <= 10 && std::isfinite(place.angle) &&
              std::fabs(place.x) <= 100 && std::fabs(place.y) <= 100,
          ErrorCode::kBadArgument,
          "a cut-out's width must be above 0 and at most 10 pictures, and its place finite");
  Layer layer(width, height);
  const auto unit = static_cast<float>(std::min(width, height));
  const float x0 = place.x * static_cast<float>(width), y0 = place.y * static_cast<float>(height);
  const float scale = static_cast<float>(cutout.width) / (place.width * unit);
  const Affine map =
      Affine::moved(-x0, -y0) >> Affine::turned(-place.angle) >>
      Affine::scaled(place.mirrored ? -scale : scale, scale) >>
      Affine::moved(static_cast<float>(cutout.width) / 2, static_cast<float>(cutout.height) / 2);
  const int grid = sampling_grid(map);
  const float reach = 1 + map.step();  // how far beside its middle a pixel looks, and a bit
  static_assert(sizeof(Layer::Pixel) == 4 * sizeof(float));
  const SampledPicture<float, 4> source{&cutout.pixels.data()->red, cutout.width, cutout.height,
                                        Border::kZero};
  Layer::Pixel* out = layer.pixels.data();
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x, ++out) {
      const float u = map.u(static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f);
      const float v = map.v(static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f);
      if (u < -reach || v < -reach || u > static_cast<float>(cutout.width) + reach ||
          v > static_cast<float>(cutout.height) + reach)
        continue;
      float p[4];
      source.pixel(map, x, y, grid, p);
      if (!(p[3] > 0)) continue;
      *out = {p[0] / p[3], p[1] / p[3], p[2] / p[3], std::min(p[3], 1.0f)};
    }
  return layer;
}

}  // namespace ofer
