// How a pass's tensors become results.
#include <algorithm>
#include <array>

#include "engine/error.h"
#include "engine/ops.h"
#include "ofer/pipeline_pass.h"

namespace ofer {

namespace {

// What is fetched at once, and where it is found.
enum Item : std::size_t {
  kProbabilities,
  kChosen,
  kDistance,
  kCoarse,
  kRestored,
  kAttention,
  kLatent,
  kGradCam,
  kCovered,  // of a dense pass, whose mask only the device knows; else nothing
  kItems
};
using Fetched = std::array<Tensor, kItems>;

int most_probable(std::span<const float> row) {
  return static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin());
}

}  // namespace

// Everything that is asked for, fetched at once and shared out among the images.
bool Pipeline::collect(const Pass& pass, std::vector<Result>& results) {
  const Config& config = network_->config();
  const Request& want = pass.request;
  const auto only = [](bool wanted, const Tensor& tensor) { return wanted ? tensor : Tensor{}; };
  Fetched tensors = {pass.probabilities,
                     pass.chosen,
                     pass.distance,
                     only(want.coarse, pass.made.coarse),
                     only(want.restored, pass.made.restored),
                     only(want.attention, pass.attention),
                     only(want.latent, pass.made.latent),
                     only(want.grad_cam, pass.grad_cam)};
  fetch(pass, tensors);
  // Image i's share of a tensor.
  const auto part = [&](std::size_t number, std::size_t i) {
    const std::span<const float> all = staging_.fetched(number);
    const std::size_t each = all.size() / results.size();
    return all.subspan(i * each, each);
  };
  const auto planes = [&](std::size_t number, std::size_t i, int channels, std::int64_t height,
                          std::int64_t width, Planes& out) {
    const std::span<const float> values = part(number, i);
    if (values.empty()) return;
    out.channels = channels;
    out.height = static_cast<int>(height);
    out.width = static_cast<int>(width);
    out.values.assign(values.begin(), values.end());
  };
  const auto patches = static_cast<std::size_t>(config.patch_count());
  const int s = config.image_size, u = network_->restored_size();
  for (std::size_t i = 0; i < results.size(); ++i) {
    Result& r = results[i];
    const std::span<const float> row = part(kProbabilities, i);
    r.probabilities.assign(row.begin(), row.end());
    r.label = row.empty() ? 0 : most_probable(row);
    r.rows = config.patch_rows();
    r.columns = config.patch_columns();
    r.occluded.assign(mask_.begin() + static_cast<std::ptrdiff_t>(i * patches),
                      mask_.begin() + static_cast<std::ptrdiff_t>((i + 1) * patches));
    r.radius = static_cast<float>(network_->detector().radius());
    const std::span<const float> chosen = part(kChosen, i);
    for (std::size_t l = 0; l < chosen.size(); ++l)
      if (chosen[l] > 0) r.chosen.push_back(static_cast<std::int32_t>(l));
    const std::span<const float> distance = part(kDistance, i);
    r.distance.assign(distance.begin(), distance.end());
    planes(kCoarse, i, 3, s, s, r.coarse);
    planes(kRestored, i, 3, u, u, r.restored);
    planes(kAttention, i, 1, config.patch_rows(), config.patch_columns(), r.attention);
    if (pass.made.latent.defined())
      planes(kLatent, i, 1, pass.made.latent.size(1), pass.made.latent.size(2), r.latent);
    if (want.grad_cam)
      planes(kGradCam, i, 1, pass.grad_cam.size(1), pass.grad_cam.size(2), r.grad_cam);
  }
  return true;
}

void Pipeline::fetch(const Pass& pass, std::span<Tensor> tensors) {
  if (pass.request.dense) tensors[kCovered] = pass.covered;
  staging_.fetch(session_, tensors);
  if (session_.counting() || !pass.request.dense) return;
  const std::span<const float> covered = staging_.fetched(kCovered);
  std::transform(covered.begin(), covered.end(), mask_.begin(),
                 [](float value) { return value > 0 ? 1 : 0; });
}

// The spans' sizes, and that what is asked for is made on the way.
void Pipeline::check(const Inputs& inputs, const Request& request, const Outputs& outputs) {
  const Config& config = network_->config();
  const std::int64_t patches = config.patch_count();
  const std::int64_t s = config.image_size, u = network_->restored_size();
  const auto check = [&](std::size_t size, std::int64_t each, const char* what, Stage made_by) {
    if (size == 0) return;
    require(made_by <= request.last, ErrorCode::kBadArgument, what,
            " are asked for, but the stage that makes them does not run");
    require(static_cast<std::int64_t>(size) == inputs.count * each, ErrorCode::kBadArgument,
            "room for ", size, " values of ", what, "; ", inputs.count, " images have ",
            inputs.count * each);
  };
  check(outputs.label.size(), 1, "labels", Stage::kRecognise);
  check(outputs.probabilities.size(), network_->recogniser().classes(), "probabilities",
        Stage::kRecognise);
  check(outputs.distance.size(), patches, "distances", Stage::kDetect);
  require(outputs.distance.empty() || request.mask == MaskSource::kDetect, ErrorCode::kBadArgument,
          "distances are asked for, but nothing is detected");
  check(outputs.covered.size(), patches, "covered patches", Stage::kDetect);
  check(outputs.chosen.size(), patches, "chosen patches", Stage::kRecognise);
  check(outputs.coarse.size(), 3 * s * s, "coarse images", Stage::kReconstruct);
  check(outputs.restored.size(), 3 * u * u, "restored images", Stage::kReconstruct);
  check(outputs.attention.size(), patches, "attention maps", Stage::kRecognise);
  check(outputs.latent.size(), patches * config.latent_width(), "latent vectors",
        Stage::kReconstruct);
  if (outputs.grad_cam.empty()) return;
  const MapSize map = grad_cam_size(request.grad_cam_layer);
  check(outputs.grad_cam.size(), map.rows * map.columns, "Grad-CAM maps", Stage::kRecognise);
}

// In the stream's order, in the caller's types.
void Pipeline::export_to_device(const Pass& pass, const Outputs& outputs) {
  Session& s = session_;
  const auto floats = [&](const Tensor& from, std::span<float> to) {
    if (!to.empty()) ops::export_floats(s, from, to.data());
  };
  floats(pass.probabilities, outputs.probabilities);
  floats(pass.distance, outputs.distance);
  floats(pass.made.coarse, outputs.coarse);
  floats(pass.made.restored, outputs.restored);
  floats(pass.attention, outputs.attention);
  floats(pass.made.latent, outputs.latent);
  floats(pass.grad_cam, outputs.grad_cam);
  if (!outputs.label.empty()) ops::export_top(s, pass.probabilities, outputs.label.data());
  if (!outputs.chosen.empty()) ops::export_flags(s, pass.chosen, outputs.chosen.data());
  if (!outputs.covered.empty())
    ops::export_flags(s, pass.covered.defined() ? pass.covered : selection_.covered_mask(),
                      outputs.covered.data());
}

bool Pipeline::collect(const Pass& pass, const Outputs& outputs) {
  if (outputs.on_device && !session_.device().host_accessible()) {
    export_to_device(pass, outputs);
    return false;
  }
  const auto only = [](bool wanted, const Tensor& tensor) { return wanted ? tensor : Tensor{}; };
  Fetched tensors = {
      only(!outputs.probabilities.empty() || !outputs.label.empty(), pass.probabilities),
      only(!outputs.chosen.empty(), pass.chosen),
      only(!outputs.distance.empty(), pass.distance),
      only(!outputs.coarse.empty(), pass.made.coarse),
      only(!outputs.restored.empty(), pass.made.restored),
      only(!outputs.attention.empty(), pass.attention),
      only(!outputs.latent.empty(), pass.made.latent),
      only(!outputs.grad_cam.empty(), pass.grad_cam)};
  fetch(pass, tensors);
  if (session_.counting()) return true;
  const auto copy = [&](Item item, std::span<float> to) {
    if (to.empty()) return;
    const std::span<const float> values = staging_.fetched(item);
    OFER_ASSERT(values.size() == to.size());
    std::copy(values.begin(), values.end(), to.begin());
  };
  copy(kProbabilities, outputs.probabilities);
  copy(kDistance, outputs.distance);
  copy(kCoarse, outputs.coarse);
  copy(kRestored, outputs.restored);
  copy(kAttention, outputs.attention);
  copy(kLatent, outputs.latent);
  copy(kGradCam, outputs.grad_cam);
  if (!outputs.chosen.empty())
    std::transform(staging_.fetched(kChosen).begin(), staging_.fetched(kChosen).end(),
                   outputs.chosen.begin(), [](float value) { return value > 0 ? 1 : 0; });
  if (!outputs.covered.empty()) std::copy(mask_.begin(), mask_.end(), outputs.covered.begin());
  const std::span<const float> rows = staging_.fetched(kProbabilities);
  const std::size_t count = outputs.label.size();
  for (std::size_t i = 0; i < count; ++i)
    outputs.label[i] = most_probable(rows.subspan(i * (rows.size() / count), rows.size() / count));
  return true;
}

}  // namespace ofer
