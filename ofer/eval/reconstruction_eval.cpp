#include "ofer/eval/reconstruction_eval.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "engine/error.h"
#include "engine/image_resize.h"
#include "ofer/data/patch_masks.h"
#include "ofer/eval/case_pictures.h"
#include "ofer/eval/eval_passes.h"
#include "ofer/eval/picture_pair.h"
#include "ofer/eval/psnr.h"
#include "ofer/eval/resize_planes.h"
#include "ofer/eval/ssim.h"

namespace ofer {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kPatches[] = {"scattered", "blobs"};
constexpr const char* kPainters[] = {"mean colour", "coarse", "hybrid"};
constexpr int kBlobsAtMost = 3;
constexpr NumberStyle kDecibels{NumberStyle::Kind::kPlain, 2};
constexpr NumberStyle kSimilarity{NumberStyle::Kind::kPlain, 3};
constexpr Colour kHoleColour{128, 128, 128};

enum Figure : std::size_t { kHolePsnr, kHoleSsim, kPsnr, kSsim, kFigures };

// One value for each face; NaN where there is none.
struct Values {
  std::array<std::vector<double>, kFigures> of;
  std::int64_t equal = 0, bordering = 0;

  void add(const Planes& painted, const Planes& truth, std::span<const std::uint8_t> hole) {
    const auto psnr = [](const SquaredError& error) {
      const double value = error.psnr().value_or(kNone);
      return std::isfinite(value) ? value : kNone;
    };
    const SsimMap map = ssim_map(painted, truth);
    of[kHolePsnr].push_back(psnr(squared_error(painted, truth, hole)));
    of[kPsnr].push_back(psnr(squared_error(painted, truth)));
    of[kHoleSsim].push_back(map.mean_inside(hole).value_or(kNone));
    of[kSsim].push_back(map.mean());
    equal += std::isnan(of[kHolePsnr].back());
    bordering += std::isnan(of[kHoleSsim].back());
  }
};

// The mean of the faces that have a value.
Replicates mean_of(const std::vector<double>& values, const BootstrapOptions& options) {
  std::vector<double> defined;
  for (const double value : values)
    if (!std::isnan(value)) defined.push_back(value);
  if (defined.empty()) return {};
  return resample_mean(defined, number_units({}, static_cast<std::int64_t>(defined.size())),
                       options);
}

// The mean of a face's difference, over the faces where both are defined.
Replicates gain(const std::vector<double>& better, const std::vector<double>& than,
                const BootstrapOptions& options) {
  std::vector<double> differences(better.size());
  std::transform(better.begin(), better.end(), than.begin(), differences.begin(), std::minus<>());
  return mean_of(differences, options);
}

// 1 for the pixels of covered patches, side x side.
std::vector<std::uint8_t> hole_of(int side, PatchGrid grid, std::span<const std::uint8_t> mask) {
  const Layer layer = patch_layer(side, side, grid, mask, kHoleColour);
  std::vector<std::uint8_t> hole;
  for (const Layer::Pixel& pixel : layer.pixels) hole.push_back(pixel.opacity > 0);
  return hole;
}

Planes mean_colour(Planes picture, std::span<const std::uint8_t> hole) {
  const auto visible = static_cast<double>(std::count(hole.begin(), hole.end(), 0));
  for (std::size_t c = 0; c < 3; ++c) {
    float* plane = picture.values.data() + c * hole.size();
    double sum = 0;
    for (std::size_t i = 0; i < hole.size(); ++i)
      if (!hole[i]) sum += plane[i];
    for (std::size_t i = 0; i < hole.size(); ++i)
      if (hole[i]) plane[i] = static_cast<float>(sum / visible);
  }
  return picture;
}

Planes in_hole(const Planes& painted, const Planes& truth, std::span<const std::uint8_t> hole) {
  Planes result = truth;
  for (std::size_t i = 0; i < result.values.size(); ++i)
    if (hole[i % hole.size()]) result.values[i] = painted.values[i];
  return result;
}

// What the painters make of a face.
std::vector<Planes> paintings(const Result& result, const Planes& truth,
                              std::span<const std::uint8_t> hole) {
  std::vector<Planes> all = {mean_colour(truth, hole), in_hole(result.coarse, truth, hole)};
  if (!result.restored.values.empty()) {
    all.push_back(resize_planes(result.restored, truth.height, truth.width));
    for (float& value : all.back().values) value = std::clamp(value, 0.0f, 1.0f);
  }
  return all;
}

Table gains_of(const std::array<std::vector<Values>, 2>& values, const BootstrapOptions& options) {
  Table table{"Gains inside the hole, face by face",
              {{"gain", {}, ""}, {"PSNR (dB)", kDecibels, "psnr"}, {"SSIM", kSimilarity, "ssim"}},
              {},
              {"An interval that leaves out 0 is a difference that these faces show."}};
  for (std::size_t a = 0; a < values.size(); ++a)
    for (std::size_t better = 1; better < values[a].size(); ++better)
      for (std::size_t than = 0; than < better; ++than) {
        const auto of = [&](Figure f) {
          return estimate(gain(values[a][better].of[f], values[a][than].of[f], options));
        };
        table.rows.push_back(
            {message(kPatches[a], ", ", kPainters[better], " over ", kPainters[than]),
             of(kHolePsnr), of(kHoleSsim)});
      }
  return table;
}

}  // namespace

std::size_t covered_count(double share, std::size_t patches) {
  const std::size_t count = patch_count(share, patches);
  require(count >= 1 && count < patches, ErrorCode::kBadArgument, "a share of ", share, " covers ",
          count, " of ", patches, " patches; at least one has to be covered and one visible");
  return count;
}

ReconstructionEval evaluate_reconstruction(Pipeline& pipeline, const EvalFaces& faces, double share,
                                           const EvalOptions& options) {
  EvalPasses passes(pipeline, faces, options);
  passes.expect(2 * faces.size());
  const PatchGrid grid = passes.grid();
  const std::size_t count = covered_count(share, grid.size());
  const bool hybrid = pipeline.network().unet() != nullptr;
  const int side = pipeline.network().config().image_size;
  Request request;
  request.mask = MaskSource::kGiven;
  request.coarse = true;
  request.restored = hybrid;
  request.last = Stage::kReconstruct;

  const auto picture_of = [&](std::size_t arrangement, std::size_t i) {
    SeededNumbers numbers =
        numbers_for(options.seed, arrangement, faces.faces[i].number, RandomPurpose::kMask);
    return EvalPicture{
        passes.face(i),
        arrangement == 0
            ? random_patches(grid, count, numbers)
            : connected_patches(grid, count, 1 + numbers.index(kBlobsAtMost), numbers)};
  };
  std::array<std::vector<Values>, 2> values;
  values.fill(std::vector<Values>(hybrid ? 3 : 2));
  for (std::size_t a = 0; a < 2; ++a)
    passes.run(
        request, faces.size(), [&](std::size_t i) { return picture_of(a, i); },
        [&](std::size_t, const EvalPicture& picture, const Result& result) {
          const Planes truth = planes_of(picture.picture);
          const std::vector<std::uint8_t> hole = hole_of(side, grid, picture.mask);
          const std::vector<Planes> painted = paintings(result, truth, hole);
          for (std::size_t p = 0; p < painted.size(); ++p)
            values[a][p].add(painted[p], truth, hole);
        });

  ReconstructionEval eval;
  eval.section.title = "Reconstruction";
  Table table{
      message("Faces with ", number_text(share, kPercentStyle), " of their patches covered"),
      {{"patches and painter", {}, "row"},
       {"PSNR in the hole", kDecibels, "hole_psnr"},
       {"SSIM in the hole", kSimilarity, "hole_ssim"},
       {"PSNR", kDecibels, "psnr"},
       {"SSIM", kSimilarity, "ssim"}},
      {},
      {}};
  for (std::size_t a = 0; a < 2; ++a)
    for (std::size_t p = 0; p < values[a].size(); ++p) {
      const Values& v = values[a][p];
      ReconstructionEval::Row row{kPatches[a],
                                  kPainters[p],
                                  mean_of(v.of[kHolePsnr], options.bootstrap),
                                  mean_of(v.of[kHoleSsim], options.bootstrap),
                                  mean_of(v.of[kPsnr], options.bootstrap),
                                  mean_of(v.of[kSsim], options.bootstrap),
                                  v.equal,
                                  v.bordering};
      table.rows.push_back({row.patches + ", " + row.painter, estimate(row.hole_psnr),
                            estimate(row.hole_ssim), estimate(row.psnr), estimate(row.ssim)});
      if (row.equal > 0)
        table.notes.push_back(message(row.patches, ", ", row.painter, ": ", row.equal,
                                      " holes were painted without any error; their PSNR is "
                                      "infinite and left out."));
      if (p == 0 && row.bordering > 0)
        table.notes.push_back(message(row.patches, ": ", row.bordering,
                                      " holes lie within 5 pixels of the border, where SSIM has no "
                                      "window; they are left out of it."));
      eval.rows.push_back(std::move(row));
    }
  table.notes.push_back(message("Means over ", faces.size(),
                                " faces, resampled by face; PSNR in decibels. ", count, " of ",
                                grid.size(), " patches, the mask given."));
  table.notes.push_back(
      hybrid
          ? "Mean colour (of the visible pixels) and coarse (the ViT alone) are laid into the "
            "hole; hybrid is the U-Net's picture as the recogniser sees it, outside the hole, too."
          : "Mean colour (of the visible pixels) and coarse (the ViT alone) are laid into the "
            "hole. No hybrid: the model has no U-Net.");
  eval.section.elements.emplace_back(std::move(table));
  eval.section.elements.emplace_back(gains_of(values, options.bootstrap));

  // Pictures of the last painter, face by face of both arrangements.
  std::vector<double> scores;
  for (const std::vector<Values>& of : values)
    scores.insert(scores.end(), of.back().of[kHolePsnr].begin(), of.back().of[kHolePsnr].end());
  const auto sheet = [&](const std::string& title, const std::vector<std::size_t>& chosen) {
    PictureSheet pictures{title, {}};
    for (const std::size_t n : chosen) {
      const EvalPicture picture = picture_of(n / faces.size(), n % faces.size());
      const Planes truth = planes_of(picture.picture);
      const std::vector<std::uint8_t> hole = hole_of(side, grid, picture.mask);
      const std::vector<Planes> painted = paintings(passes.again(request, picture), truth, hole);
      std::vector<Image> panels = {
          picture.picture,
          lay_over(picture.picture, patch_layer(side, side, grid, picture.mask, kHoleColour))
              .picture};
      for (std::size_t p = 1; p < painted.size(); ++p)
        panels.push_back(planes_to_image(painted[p].values.data(), side, side));
      pictures.pictures.push_back(
          {side_by_side(panels),
           message(kPatches[n / faces.size()], ", ", faces.faces[n % faces.size()].name, ": ",
                   number_text(scores[n], kDecibels), " dB in the hole")});
    }
    if (!pictures.pictures.empty()) eval.section.elements.emplace_back(std::move(pictures));
  };
  const Extremes shown = extremes(scores, options.shown);
  sheet(hybrid ? "Best: the face, what was shown, coarse, hybrid"
               : "Best: the face, what was shown, coarse",
        shown.best);
  sheet("Worst", shown.worst);
  return eval;
}

}  // namespace ofer
