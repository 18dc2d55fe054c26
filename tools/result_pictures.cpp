#include "tools/result_pictures.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <system_error>
#include <utility>

#include "engine/error.h"
#include "engine/image_io.h"
#include "engine/image_resize.h"
#include "tools/pictures.h"
#include "tools/scratch_file.h"
#include "tools/sheet.h"

namespace ofer {

namespace {

namespace fs = std::filesystem;

constexpr int kLongestSide = 2048;
constexpr const char* kKinds[] = {"mask", "coarse", "restored", "attention", "gradcam", "sheet"};

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

Image image_of(const Planes& planes) {
  return planes_to_image(planes.values.data(), planes.width, planes.height);
}

// Scaled so that the least is 0 and the greatest 1; all 0 when they are the same.
std::vector<float> stretched(std::vector<float> map) {
  const auto [least, greatest] = std::minmax_element(map.begin(), map.end());
  const float low = *least, range = *greatest - low;
  for (float& value : map) value = range > 0 ? (value - low) / range : 0;
  return map;
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.0f %%", 100 * share);
  return text;
}

}  // namespace

PictureNames::PictureNames(const fs::path& folder, std::span<const InputFile> inputs) {
  std::error_code ignored;
  const fs::path target = fs::weakly_canonical(folder, ignored);
  for (const InputFile& input : inputs) {
    if (input.is_stream()) continue;
    const fs::path path = fs::weakly_canonical(input.path, ignored);
    if (path.parent_path() == target) inputs_.insert(lower(path.filename().string()));
  }
}

bool PictureNames::free(const std::string& stem) const {
  const std::string key = lower(stem);
  if (taken_.count(key)) return false;
  return std::none_of(std::begin(kKinds), std::end(kKinds), [&](const char* kind) {
    return inputs_.count(key + '.' + kind + ".png") != 0;
  });
}

std::string PictureNames::usual(const InputFile& input) {
  const std::string stem = input.is_stream() ? "stdin" : fs::path(input.path).stem().string();
  return stem.empty() || stem == "." || stem == ".." ? "image" : stem;
}

std::string PictureNames::next(const InputFile& input) {
  const std::string stem = usual(input);
  std::string candidate = stem;
  for (int number = 2; !free(candidate); ++number) candidate = stem + '-' + std::to_string(number);
  taken_.insert(lower(candidate));
  return candidate;
}

void prepare_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  // A folder that exists is no error, whatever the call says about a link or a trailing slash.
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    require(!fs::exists(folder, ignored), ErrorCode::kIo, folder.string(),
            ": cannot write there: it is a file, not a folder");
    fail(ErrorCode::kIo, folder.string(),
         ": cannot create this folder: ", error ? error.message() : std::string("unknown cause"));
  }
  const ScratchFile probe(folder);
}

Image picture_of_input(Image input) {
  const int longest = std::max(input.width, input.height);
  if (longest <= kLongestSide) return input;
  const double scale = static_cast<double>(kLongestSide) / longest;
  const auto scaled = [&](int side) {
    return std::max(1, static_cast<int>(std::lround(side * scale)));
  };
  return resize_image(input, scaled(input.width), scaled(input.height));
}

void write_pictures(const fs::path& folder, const std::string& stem, const Image& input,
                    const Result& result, const RunInfo& info, const std::string& cam_label) {
  const auto save = [&](const Image& image, const char* kind) {
    save_png(image, folder / (stem + '.' + kind + ".png"));
  };
  const Image mask = draw_mask_overlay(input, result.rows, result.columns, result.occluded.data());
  const Image coarse = image_of(result.coarse);
  const Image restored = image_of(result.restored);
  const std::vector<float> map = stretched(result.attention.values);
  const Image attention =
      draw_heat_overlay(restored, map.data(), result.attention.height, result.attention.width);
  const Image grad_cam = draw_heat_overlay(restored, result.grad_cam.values.data(),
                                           result.grad_cam.height, result.grad_cam.width);
  save(mask, "mask");
  save(coarse, "coarse");
  save(restored, "restored");
  save(attention, "attention");
  save(grad_cam, "gradcam");

  const auto covered = std::accumulate(result.occluded.begin(), result.occluded.end(), 0);
  const std::string patches =
      std::to_string(covered) + " of " + std::to_string(result.occluded.size()) + " patches";
  const std::vector<SheetItem> items{
      {input, "input"},       {mask, "covered: " + patches}, {coarse, "autoencoder"},
      {restored, "restored"}, {attention, "attention"},      {grad_cam, "Grad-CAM: " + cam_label}};
  const auto label = static_cast<std::size_t>(result.label);
  SheetChart chart;
  chart.labels = info.labels;
  chart.values = result.probabilities;
  chart.title = info.labels.at(label) + ' ' + percent(result.probabilities.at(label));
  chart.note = info.trained ? info.device + ", " + info.precision : std::string(kUntrainedNote);
  save(compose_sheet(items, chart), "sheet");
}

}  // namespace ofer
