#include "ofer/train/feature_network.h"

#include <cstdlib>

#include "engine/ops.h"

namespace ofer {
namespace {

constexpr int kStages = 4;

// Side of a stage's maps: the stem halves twice, every stage but the first once, each time rounded
// up.
int stage_size(int image_size, int stage) {
  int size = image_size;
  for (int i = 0; i < 2 + stage; ++i) size = (size + 1) / 2;
  return size;
}

int nearest_stage(int image_size, int wanted) {
  int best = 0;
  for (int i = 1; i < kStages; ++i)
    if (std::abs(stage_size(image_size, i) - wanted) <
        std::abs(stage_size(image_size, best) - wanted))
      best = i;
  return best;
}

}  // namespace

Tensor recogniser_view(Session& s, const Network& network, const Tensor& images) {
  const std::int64_t size = network.config().recogniser.image_size;
  const Tensor x = ops::resize(s, ops::scale(s, images, 0.5, 0.5), size, size);
  return ops::divide(s, ops::subtract(s, x, network.mean()), network.deviation());
}

RecogniserFeatures::RecogniserFeatures(const Network& network)
    : network_(network),
      fine_(nearest_stage(network.config().recogniser.image_size, network.restored_size() / 4)),
      deep_(nearest_stage(network.config().recogniser.image_size, network.restored_size() / 8)) {}

FeatureMaps RecogniserFeatures::operator()(Session& s, const Tensor& images, bool deep) const {
  const NotTraining frozen(s);
  const auto last = static_cast<std::size_t>(deep ? std::max(fine_, deep_) : fine_);
  const auto maps = network_.recogniser().maps(s, recogniser_view(s, network_, images), last + 1);
  FeatureMaps result;
  result.fine = maps[static_cast<std::size_t>(fine_)];
  if (deep) result.deep = maps[static_cast<std::size_t>(deep_)];
  return result;
}

std::int64_t RecogniserFeatures::fine_channels() const {
  return network_.config().recogniser.widths[static_cast<std::size_t>(fine_)];
}
std::int64_t RecogniserFeatures::fine_size() const {
  return stage_size(network_.config().recogniser.image_size, fine_);
}
std::int64_t RecogniserFeatures::deep_channels() const {
  return network_.config().recogniser.widths[static_cast<std::size_t>(deep_)];
}
std::string RecogniserFeatures::name() const {
  return message("the recogniser's stages ", fine_ + 1, " and ", deep_ + 1);
}

}  // namespace ofer
