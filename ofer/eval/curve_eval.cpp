#include "ofer/eval/curve_eval.h"

#include <cmath>

#include "engine/error.h"
#include "ofer/data/patch_masks.h"
#include "ofer/eval/eval_passes.h"
#include "ofer/eval/recognition_eval.h"
#include "ofer/eval/resize_planes.h"

namespace ofer {

namespace {

constexpr int kShares = 10;
constexpr std::size_t kRandom = 0, kGrad = 1;
constexpr const char* kKinds[] = {"random", "grad"};
constexpr const char* kWays[] = {"without reconstruction", "with reconstruction"};

Colour mean_of(const Config& config) {
  const auto channel = [&](std::size_t c) {
    return static_cast<std::uint8_t>(std::lround(255 * config.mean[c]));
  };
  return {channel(0), channel(1), channel(2)};
}

Replicates accuracy_of(const std::vector<double>& right, const BootstrapOptions& options) {
  return resample_mean(right, number_units({}, static_cast<std::int64_t>(right.size())), options);
}

}  // namespace

CurveEval evaluate_curves(Pipeline& pipeline, const EvalFaces& all_faces,
                          const EvalOptions& options) {
  CurveEval eval;
  eval.section.title = "Accuracy by covered share";
  const EvalFaces faces = labelled_faces(all_faces, pipeline.network(), eval.unlabelled);
  if (faces.size() == 0) {
    eval.section.elements.emplace_back(Paragraph{"Not measured: no face has a label."});
    return eval;
  }
  for (int k = 0; k < kShares; ++k) eval.shares.push_back(k / 10.0);
  EvalPasses passes(pipeline, faces, options);
  passes.expect(faces.size() * (1 + 4 * (eval.shares.size() - 1)));
  const PatchGrid grid = passes.grid();
  const int side = pipeline.network().config().image_size;
  const Colour colour = mean_of(pipeline.network().config());

  // The clean faces: what nothing covered gives, and where the network looks.
  std::vector<double> right;
  std::vector<std::vector<float>> maps;  // [faces][L]
  Request request;
  request.mask = MaskSource::kNone;
  request.grad_cam = true;
  passes.run(
      request, faces.size(),
      [&](std::size_t i) {
        return EvalPicture{passes.face(i), {}};
      },
      [&](std::size_t i, const EvalPicture&, const Result& result) {
        right.push_back(result.label == faces.faces[i].label);
        maps.push_back(resize_planes(result.grad_cam, grid.rows, grid.columns).values);
      });
  const Replicates uncovered = accuracy_of(right, options.bootstrap);

  request.grad_cam = false;
  for (const std::size_t kind : {kRandom, kGrad})
    for (const std::size_t way : {0, 1}) {
      request.mask = way == 0 ? MaskSource::kNone : MaskSource::kGiven;
      CurveEval::Line line{message(kKinds[kind], ", ", kWays[way]), {uncovered}};
      for (std::size_t k = 1; k < eval.shares.size(); ++k) {
        const std::size_t count = patch_count(eval.shares[k], grid.size());
        right.clear();
        passes.run(
            request, faces.size(),
            [&](std::size_t i) {
              SeededNumbers numbers =
                  numbers_for(options.seed, 0, faces.faces[i].number, RandomPurpose::kOcclude);
              std::vector<std::uint8_t> mask = kind == kRandom
                                                   ? random_patches(grid, count, numbers)
                                                   : leading_patches(maps[i], count);
              const Layer layer = patch_layer(side, side, grid, mask, colour);
              return EvalPicture{lay_over(passes.face(i), layer).picture, std::move(mask)};
            },
            [&](std::size_t i, const EvalPicture&, const Result& result) {
              right.push_back(result.label == faces.faces[i].label);
            });
        line.accuracy.push_back(accuracy_of(right, options.bootstrap));
      }
      eval.lines.push_back(std::move(line));
    }

  LinePlot plot;
  plot.title = "Accuracy by covered share";
  plot.x = {"covered share", kPercentStyle, std::nullopt, false};
  plot.y = {"accuracy", kPercentStyle, Interval{0, 1}, false};
  for (const CurveEval::Line& line : eval.lines) {
    Series series{line.name, {}};
    for (std::size_t k = 0; k < eval.shares.size(); ++k) {
      const Estimate estimate = ofer::estimate(line.accuracy[k]);
      series.points.push_back({eval.shares[k], *estimate.value, estimate.interval});
    }
    plot.series.push_back(std::move(series));
  }
  plot.notes.push_back(message(
      faces.size(),
      " faces with a label, resampled by face. Covered patches are painted in the mean "
      "colour of the model's input, the masks are exact, the latents the chosen ones. grad: in the "
      "order of the Grad-CAM map of the clean face's most probable class."));
  if (eval.unlabelled > 0)
    plot.notes.push_back(message(eval.unlabelled, " faces have no label and are left out."));
  eval.section.elements.emplace_back(std::move(plot));
  return eval;
}

}  // namespace ofer
