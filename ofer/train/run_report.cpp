#include "ofer/train/run_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/image_resize.h"
#include "ofer/data/augment.h"
#include "ofer/data/random.h"
#include "ofer/eval/case_pictures.h"
#include "ofer/pipeline.h"

namespace ofer {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kPoints = 600;  // of a curve, at most

struct Curve {
  const char* field;
  const char* title;
  bool logarithmic;
};
constexpr Curve kCurves[] = {{"loss", "Loss", false},
                             {"adversary_loss", "Loss of the discriminators", false},
                             {"accuracy", "Accuracy on the split val", false},
                             {"gradient_norm", "Norm of the gradients", true},
                             {"rate", "Rate", false}};

// The recipe's fields by path, as the command line sets them.
void add_facts(const Json& value, const std::string& path, Report& report) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, element] : value.items())
      add_facts(element, path.empty() ? key : path + "." + key, report);
    return;
  }
  report.facts.emplace_back(path, value.is_string() ? value.get<std::string>() : value.dump());
}

Image picture_of(const Planes& planes, int side) {
  return resize_image(planes_to_image(planes.values.data(), planes.width, planes.height), side,
                      side);
}

}  // namespace

Section run_curves(std::string_view log) {
  std::vector<std::vector<Point>> curves(std::size(kCurves));
  while (!log.empty()) {
    const std::size_t end = log.find('\n');
    const Json line = Json::parse(log.substr(0, end), nullptr, false);
    log = end == log.npos ? std::string_view() : log.substr(end + 1);
    if (!line.is_object() || !line.contains("step") || !line["step"].is_number()) continue;
    for (std::size_t i = 0; i < curves.size(); ++i) {
      const auto found = line.find(kCurves[i].field);
      if (found != line.end() && found->is_number())
        curves[i].push_back({line["step"].get<double>(), found->get<double>(), {}});
    }
  }
  Section section{"Curves", {}};
  for (std::size_t i = 0; i < curves.size(); ++i) {
    if (curves[i].empty()) continue;
    LinePlot plot;
    plot.title = kCurves[i].title;
    plot.x.title = "step";
    plot.y.title = kCurves[i].field;
    plot.y.logarithmic = kCurves[i].logarithmic;
    plot.series = {{kCurves[i].field, thinned(curves[i], kPoints)}};
    section.elements.emplace_back(std::move(plot));
  }
  if (section.elements.empty()) section.elements.emplace_back(Paragraph{"No step was taken yet."});
  return section;
}

PictureSheet run_pictures(const std::shared_ptr<const Network>& network,
                          const SessionOptions& session, const FaceStore& faces,
                          std::span<const std::size_t> samples, const Occluder& occluder,
                          std::uint64_t seed, bool detect, std::size_t most) {
  OFER_ASSERT(!samples.empty());
  const Config& config = network->config();
  const int side = config.image_size;
  const PatchGrid grid = grid_of(config);
  std::vector<std::size_t> order(samples.begin(), samples.end());
  SeededNumbers numbers = numbers_for(seed, 0, 0, RandomPurpose::kOther);
  shuffle(std::span(order), numbers);
  const std::size_t count = std::min(most, order.size());

  std::vector<Image> pictures;
  std::vector<std::uint8_t> masks;
  for (std::size_t i = 0; i < count; ++i) {
    const Image other = augmented(faces.face(order[(i + 1) % order.size()]), {}, side);
    SeededNumbers cover = numbers_for(seed, 0, i, RandomPurpose::kOcclude);
    const Occlusion made = occluder.cover(augmented(faces.face(order[i]), {}, side), &other, cover);
    pictures.push_back(made.picture);
    for (const PatchState state : made.patches) masks.push_back(state != PatchState::kClean);
  }
  Request request;
  request.mask =
      detect && network->detector().available() ? MaskSource::kDetect : MaskSource::kGiven;
  request.coarse = request.restored = true;
  Pipeline pipeline(network, session);
  const std::vector<Result> results =
      pipeline.run(pictures, request,
                   request.mask == MaskSource::kGiven ? std::span<const std::uint8_t>(masks)
                                                      : std::span<const std::uint8_t>());
  PictureSheet sheet{"Covered; which patches count as covered; coarse; as it is recognised", {}};
  for (std::size_t i = 0; i < count; ++i) {
    const Result& r = results[i];
    const Image panels[] = {pictures[i], tinted(pictures[i], grid, r.occluded, {230, 90, 20}),
                            picture_of(r.coarse, side), picture_of(r.restored, side)};
    const auto label = static_cast<std::size_t>(r.label);
    sheet.pictures.push_back({side_by_side(panels), network->labels()[label]});
  }
  return sheet;
}

Report run_report(const Recipe& recipe, std::string_view data, std::size_t faces,
                  std::string_view log, PictureSheet pictures) {
  Report report;
  report.title = message("Training: ", name_of(recipe.stage));
  report.facts = {{"data", std::string(data)}, {"samples of an epoch", std::to_string(faces)}};
  add_facts(Json::parse(to_json(recipe)), "", report);
  report.sections.push_back(run_curves(log));
  report.sections.push_back({"Pictures", {std::move(pictures)}});
  return report;
}

}  // namespace ofer
