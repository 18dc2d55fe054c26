#include "ofer/unet.h"

#include <array>

namespace ofer {

namespace {

// The level behind whose second convolution the self-assembly stands, and whose map is an eighth of
// the image: three halvings.
constexpr int kAssemblyLevel = UNetConfig::kAssemblyLevel;

constexpr std::size_t kMostLevels = 16;

// What the hole is filled with in the masked image, per channel, out of 255.
constexpr double kHoleColour[3] = {123, 104, 117};

// Channels [first, first + count).
Tensor channels(Session& s, const Tensor& x, std::int64_t first, std::int64_t count) {
  return ops::slice(s, x, 1, first, count);
}

// A level's skip: its input, or, down to the assembly level, the half that stands for the unflipped
// image.
Tensor skip(Session& s, const Tensor& x, int level) {
  return level <= kAssemblyLevel ? channels(s, x, 0, x.size(1) / 2) : x;
}

}  // namespace

UNet::UNet(const layers::Parameters& p, const UNetConfig& config)
    : first_(p.child("level0").child("in"), ops::Conv2d::square(1, 1)),
      last_(p.child("level0").child("out"), ops::Conv2d::square(1, 1)),
      variant_(config.self_assembly == SelfAssemblyVariant::kPaper ? ops::SelfAssembly::kPaper
                                                                   : ops::SelfAssembly::kReleased),
      flip_channels_(config.flip_channels) {
  OFER_ASSERT(config.levels < static_cast<int>(kMostLevels));
  for (int i = 1; i <= config.levels; ++i)
    levels_.emplace_back(p.child("level", i), i == config.levels);
}

// [M, 12, U, U]: the coarse image in the hole (Syn), the hole's colour in the hole (A), and both
// flipped; in [-1, 1].
Tensor UNet::input(Session& s, const Tensor& coarse, const Tensor& image,
                   const Tensor& hole) const {
  const Tensor outside = ops::scale(s, hole, -1, 1);
  const Tensor known = ops::multiply(s, ops::scale(s, image, 2, -1), outside);
  const Tensor painted = ops::multiply(s, ops::scale(s, coarse, 2, -1), hole);
  const Tensor syn = ops::add(s, known, painted);
  Tensor colour[3];
  for (int c = 0; c < 3; ++c) colour[c] = ops::scale(s, hole, 2 * kHoleColour[c] / 255 - 1);
  const Tensor masked = ops::add(s, known, ops::concatenate(s, colour, 1));
  Tensor syn_flipped = ops::flip(s, syn, 3), masked_flipped = ops::flip(s, masked, 3);
  if (flip_channels_) {
    syn_flipped = ops::flip(s, syn_flipped, 1);
    masked_flipped = ops::flip(s, masked_flipped, 1);
  }
  return ops::concatenate(s, {syn, masked, syn_flipped, masked_flipped}, 1);
}

// [M, 16g, h, w] and the hole at that size -> [M, 8g, h, w].
Tensor UNet::assemble(Session& s, const Tensor& both, const Tensor& hole) const {
  const std::int64_t half = both.size(1) / 2;
  return ops::self_assembly(s, channels(s, both, 0, half), channels(s, both, half, half), hole,
                            variant_);
}

Tensor UNet::operator()(Session& s, const Tensor& coarse, const Tensor& image, const Tensor& hole,
                        Features* features) const {
  OFER_ASSERT(features == nullptr || s.tape() != nullptr);
  Tensor x = input(s, coarse, image, hole);
  s.tap("input", x);
  // The hole at an eighth of the size: masked where the repeated average exceeds 5/16.
  Tensor small = hole;
  for (int i = 0; i < kAssemblyLevel; ++i) small = ops::average_pool(s, small, {4, 2, 1});
  small = ops::greater(s, small, 5.0 / 16);
  s.tap("hole", small);
  if (features) features->hole = small;

  const int depth = static_cast<int>(levels_.size());
  std::array<Tensor, kMostLevels> maps;  // [i]: what level i hands down
  x = first_(s, x);
  {
    const Session::Path path(s, "level0");
    s.tap("in", x);
  }
  maps[0] = x;
  for (int i = 1; i <= depth; ++i) {
    const layers::UNetLevel& level = levels_[static_cast<std::size_t>(i - 1)];
    {
      const Session::Path path(s, "level", i);
      x = level.shrink(s, x);
    }
    if (i == depth) break;
    x = level.widen(s, x);
    if (i == kAssemblyLevel) {
      x = assemble(s, x, small.view({small.size(0), small.size(2), small.size(3)}));
      s.tap("assembly", x);
      if (features) features->assembled = x;
    }
    x = (*level.in_norm)(s, x);
    const Session::Path path(s, "level", i);
    s.tap("in", x);
    maps[static_cast<std::size_t>(i)] = x;
  }
  for (int i = depth; i >= 1; --i) {
    if (i < depth)
      x = ops::concatenate(s, {x, skip(s, maps[static_cast<std::size_t>(i)], i + 1)}, 1);
    const Session::Path path(s, "level", i);
    x = levels_[static_cast<std::size_t>(i - 1)].grow(s, x);
    if (features && i == kAssemblyLevel + 1) features->rising = ops::relu(s, x);
  }
  x = ops::concatenate(s, {x, skip(s, maps[0], 1)}, 1);
  x = last_(s, x, ops::Activation::kRelu);
  s.tap("output", x);
  return x;
}

}  // namespace ofer
