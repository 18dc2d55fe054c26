#include "ofer/vit.h"

namespace ofer {

using layers::shown;

VitEncoder::VitEncoder(const layers::Parameters& p, const EncoderConfig& config, int patch)
    : patch_(patch),
      patch_embedding_(p.child("patch")),
      class_token_(p("class_token")),
      position_(p("position")),
      norm_(p.child("norm")) {
  // [D, 3, p, p]: one row of weights for each output, in the order of a patch's values.
  Tensor& weight = patch_embedding_.weight;
  weight = weight.view({weight.size(0), weight.shape().product(1, 4)});
  for (int i = 0; i < config.depth; ++i)
    blocks_.emplace_back(p.child("block", i, 2), config.heads);
}

Tensor VitEncoder::embed(Session& s, const Tensor& images, const PatchSelection& selection,
                         bool all_patches) const {
  const std::int64_t rows = images.size(0) * selection.patches(), width = position_.size(1);
  Tensor x = patch_embedding_(s, ops::to_patches(s, images, patch_, true));
  x = ops::add(s, x, ops::slice(s, position_, 0, 1, selection.patches()));
  // The class token takes position 0 and stands in front of each image's patches.
  const Tensor first = ops::add(s, class_token_, ops::slice(s, position_, 0, 0, 1)).view({width});
  return ops::gather_rows(
      s, x.view({rows, width}),
      all_patches ? selection.all_token_source() : selection.token_source(), first);
}

Tensor VitEncoder::operator()(Session& s, const Tensor& images, const PatchSelection& selection,
                              bool all_patches, int blocks, BlockObserver observe) const {
  const Ragged& rows = all_patches ? selection.all() : selection.visible();
  Tensor x = embed(s, images, selection, all_patches);
  s.tap("embed", x, shown(x, rows, all_patches));
  for (int i = 0; i < blocks; ++i) {
    const Session::Path path(s, "block", i, 2);
    x = blocks_[static_cast<std::size_t>(i)](s, x, rows, all_patches);
    s.tap("", x, shown(x, rows, all_patches));
    if (observe) observe(i, x);
  }
  if (blocks < depth()) return x;
  x = norm_(s, x);
  s.tap("norm", x, shown(x, rows, all_patches));
  if (observe) observe(depth(), x);
  return x;
}

VitDecoder::VitDecoder(const layers::Parameters& p, const DecoderConfig& config)
    : embed_(p.child("embed")),
      predict_(p.child("predict")),
      mask_token_(p("mask_token")),
      position_(p("position")),
      norm_(p.child("norm")) {
  for (int i = 0; i < config.depth; ++i)
    blocks_.emplace_back(p.child("block", i, 2), config.heads);
}

VitDecoder::Output VitDecoder::operator()(Session& s, const Tensor& encoded,
                                          const PatchSelection& selection) const {
  const std::int64_t n = selection.batch(), patches = selection.patches();
  const std::int64_t width = position_.size(1);
  const Ragged& rows = selection.all();
  ops::LinearEnd packed;
  packed.rows = &selection.visible();
  Tensor x = embed_(s, encoded, packed);
  // Every encoded token back to its place, the mask token where a patch is covered.
  x = ops::gather_rows(s, x, selection.grid_source(), mask_token_);
  x = ops::add(s, x.view({n, patches + 1, width}), position_).view({n * (patches + 1), width});
  s.tap("embed", x, shown(x, rows, true));
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Session::Path path(s, "block", static_cast<int>(i), 2);
    x = blocks_[i](s, x, rows, true);
    s.tap("", x, shown(x, rows, true));
  }
  x = norm_(s, x);
  s.tap("norm", x, shown(x, rows, true));
  Output output;
  output.latent = ops::slice(s, x.view({n, patches + 1, width}), 1, 1, patches);
  output.prediction = predict_(s, output.latent);
  s.tap("predict", output.prediction);
  return output;
}

}  // namespace ofer
