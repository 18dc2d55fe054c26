#include "ofer/recogniser.h"

#include <algorithm>
#include <array>
#include <string>

namespace ofer {

namespace {

using layers::Parameters;

// Mean over positions: [N, C, h, w] -> [N, C].
Tensor global_average(Session& s, const Tensor& x) {
  return ops::mean(s, x.view({x.size(0), x.size(1), x.size(2) * x.size(3)}), 2);
}

ops::Conv2d padded(int pad_h, int pad_w) {
  ops::Conv2d options;
  options.pad_h = pad_h;
  options.pad_w = pad_w;
  return options;
}

constexpr std::size_t kMostHeads = 64;

}  // namespace

AttentionHead::AttentionHead(const Parameters& p, HeadOrder order)
    : order_(order),
      channel_down_(p.child("channel.down")),
      channel_up_(p.child("channel.up")),
      channel_bn_(p.child("channel.bn")),
      conv1x1_(p.child("spatial.conv1x1"), padded(0, 0)),
      conv3x3_(p.child("spatial.conv3x3"), padded(1, 1)),
      bn1x1_(p.child("spatial.bn1x1")),
      bn3x3_(p.child("spatial.bn3x3")),
      bn1x3_(p.child("spatial.bn1x3")),
      bn3x1_(p.child("spatial.bn3x1")),
      merged_(!p.contains("spatial.conv1x3.weight")) {
  if (merged_) return;
  conv1x3_ = layers::Conv2d(p.child("spatial.conv1x3"), padded(0, 1));
  conv3x1_ = layers::Conv2d(p.child("spatial.conv3x1"), padded(1, 0));
}

Tensor AttentionHead::scales(Session& s, const Tensor& pooled) const {
  Tensor channel = channel_bn_(s, channel_down_(s, pooled));
  channel = ops::sigmoid(s, channel_up_(s, ops::relu(s, channel)));
  s.tap("channel", channel);
  return channel;
}

Tensor AttentionHead::map(Session& s, const Tensor& x) const {
  const Tensor narrow = bn1x1_(s, conv1x1_(s, x));
  Tensor spatial = bn3x3_(s, conv3x3_(s, narrow));
  if (!merged_) {
    spatial = ops::add(s, spatial, bn1x3_(s, conv1x3_(s, narrow)));
    spatial = ops::add(s, spatial, bn3x1_(s, conv3x1_(s, narrow)));
  }
  spatial = ops::relu(s, spatial);
  s.tap("spatial", spatial);
  Tensor sum = ops::sum(s, spatial, 1);
  s.tap("map", sum);
  return sum;
}

AttentionHead::Output AttentionHead::operator()(Session& s, const Tensor& x) const {
  const std::int64_t n = x.size(0), width = x.size(1);
  const Shape at_positions{n, 1, x.size(2), x.size(3)};
  Output output;
  if (order_ == HeadOrder::kChannelFirst) {
    const Tensor channel = scales(s, global_average(s, x));
    const Tensor scaled = ops::multiply(s, x, channel.view({n, width, 1, 1}));
    output.map = map(s, scaled);
    output.feature = global_average(s, ops::multiply(s, scaled, output.map.view(at_positions)));
  } else {
    output.map = map(s, x);
    const Tensor attended = global_average(s, ops::multiply(s, x, output.map.view(at_positions)));
    output.feature = ops::multiply(s, attended, scales(s, attended));
  }
  s.tap("output", output.feature);
  return output;
}

Classifier::Classifier(const Parameters& p, bool folded) : folded_(folded) {
  if (folded) {
    latent_weight_ = p("latent.weight");
    features_weight_ = p("features.weight");
    bias_ = p("bias");
    return;
  }
  for (int i = 0; i < 4; ++i) latent_[i] = layers::Linear(p.child("latent", i + 1));
  for (int i = 0; i < 3; ++i) joint_[i] = layers::Linear(p.child("joint", i + 1));
  latent_bn2_ = layers::BatchNorm(p.child("latent_bn2"));
  latent_bn4_ = layers::BatchNorm(p.child("latent_bn4"));
  joint_bn2_ = layers::BatchNorm(p.child("joint_bn2"));
  joint_bn3_ = layers::BatchNorm(p.child("joint_bn3"));
}

std::int64_t Classifier::classes() const {
  return folded_ ? bias_.size(0) : joint_[2].weight.size(0);
}

Tensor Classifier::operator()(Session& s, const Tensor& latent, const Tensor& features) const {
  if (folded_) {
    ops::LinearEnd end;
    end.residual = ops::linear(s, latent, latent_weight_, {});
    return ops::linear(s, features, features_weight_, bias_, end);
  }
  Tensor x = latent_bn2_(s, latent_[1](s, latent_[0](s, latent)));
  x = latent_bn4_(s, latent_[3](s, latent_[2](s, x)));
  x = ops::concatenate(s, {x, features}, 1);
  x = joint_bn2_(s, joint_[1](s, joint_[0](s, x)));
  return joint_bn3_(s, joint_[2](s, x));
}

std::vector<std::string> activation_layers(const Config& config) {
  const RecogniserConfig& r = config.recogniser;
  std::vector<std::string> layers = {"recognise/stage" + std::to_string(r.blocks.size()) +
                                     "/block" + std::to_string(r.blocks.back() - 1)};
  for (int k = 0; k < r.heads; ++k)
    layers.push_back("recognise/head" + std::to_string(k) + "/spatial");
  return layers;
}

Recogniser::Recogniser(const Parameters& p, const Config& config)
    : stem_(p.child("stem.conv"), ops::Conv2d::square(2, 3)),
      stem_bn_(p.child("stem.bn")),
      classifier_(p.child("classifier"),
                  config.recogniser.structure == RecogniserStructure::kFolded),
      rows_(config.patch_rows()),
      columns_(config.patch_columns()),
      by_attention_(config.recogniser.latent_selection == LatentSelection::kCam),
      fixed_patches_(config.recogniser.latent_patches.begin(),
                     config.recogniser.latent_patches.end()),
      activation_layers_(ofer::activation_layers(config)) {
  for (std::size_t i = 0; i < config.recogniser.blocks.size(); ++i) {
    const Parameters stage = p.child("stage", static_cast<int>(i) + 1);
    std::vector<layers::ResidualBlock> blocks;
    for (int j = 0; j < config.recogniser.blocks[i]; ++j)
      blocks.emplace_back(stage.child("block", j), i > 0 && j == 0 ? 2 : 1);
    stages_.push_back(std::move(blocks));
  }
  for (int k = 0; k < config.recogniser.heads; ++k)
    heads_.emplace_back(p.child("head", k), config.recogniser.head_order);
  OFER_ASSERT(heads_.size() <= kMostHeads);
}

void Recogniser::fill_latent_rows(std::int64_t batch, std::vector<std::int32_t>& host) const {
  host.clear();
  if (by_attention_) return;
  const std::int32_t patches = rows_ * columns_;
  for (std::int32_t i = 0; i < batch; ++i)
    for (const std::int32_t patch : fixed_patches_) host.push_back(i * patches + patch);
}

Tensor Recogniser::send_latent_rows(Session& s, Staging& staging, std::int64_t batch,
                                    std::vector<std::int32_t>& host) const {
  if (by_attention_) return {};
  fill_latent_rows(batch, host);
  const Tensor rows = s.allocate({static_cast<std::int64_t>(host.size())}, DType::kI32);
  staging.send(s, host, rows);
  return rows;
}

Tensor Recogniser::choose(Session& s, const Tensor& latent, const Tensor& latent_rows,
                          const Tensor& attention_grid, LatentUse use, Tensor& chosen) const {
  const std::int64_t n = latent.size(0), patches = latent.size(1), width = latent.size(2);
  OFER_ASSERT(supports(use));
  if (use == LatentUse::kNone) {
    chosen = ops::full(s, {n, patches}, 0);
    const std::int64_t rows = by_attention_ ? n * patches : latent_rows.elements();
    return ops::full(s, {n, rows / n * width}, 0);
  }
  if (use == LatentUse::kAll) {
    chosen = ops::full(s, {n, patches}, 1);
    return latent.view({n, patches * width});
  }
  if (by_attention_) {
    chosen = ops::select_top(s, attention_grid.view({n, patches}), patches / 2);
    return ops::multiply(s, latent, chosen.view({n, patches, 1})).view({n, patches * width});
  }
  // Which patches those are, as a mask: ones scattered to their rows.
  const std::int64_t rows = latent_rows.elements();
  chosen =
      ops::scatter_rows(s, ops::full(s, {rows, 1}, 1), latent_rows, n * patches).view({n, patches});
  return ops::gather_rows(s, latent.view({n * patches, width}), latent_rows, {})
      .view({n, rows / n * width});
}

std::array<Tensor, 4> Recogniser::maps(Session& s, const Tensor& images, std::size_t count) const {
  std::array<Tensor, 4> result;
  OFER_ASSERT(count <= stages_.size() && stages_.size() <= result.size());
  Tensor x = images;
  s.tap("input", x);
  x = ops::relu(s, stem_bn_(s, stem_(s, x)));
  x = ops::max_pool(s, x, {3, 2, 1});
  s.tap("stem", x);
  for (std::size_t i = 0; i < count; ++i) {
    const Session::Path stage(s, "stage", static_cast<int>(i) + 1);
    for (std::size_t j = 0; j < stages_[i].size(); ++j) {
      const Session::Path block(s, "block", static_cast<int>(j));
      x = stages_[i][j](s, x);
      s.tap("", x);
    }
    result[i] = x;
  }
  return result;
}

Recogniser::Output Recogniser::operator()(Session& s, const Tensor& images, const Tensor& latent,
                                          const Tensor& latent_rows, LatentUse use) const {
  const Tensor x = maps(s, images, stages_.size())[stages_.size() - 1];
  const std::int64_t n = x.size(0), width = x.size(1), height = x.size(2), columns = x.size(3);
  std::array<Tensor, kMostHeads> features, maps;
  for (std::size_t k = 0; k < heads_.size(); ++k) {
    const Session::Path path(s, "head", static_cast<int>(k));
    const AttentionHead::Output head = heads_[k](s, x);
    features[k] = head.feature.view({n, 1, width});
    maps[k] = head.map.view({n, 1, height * columns});
  }
  // The heads compete for every channel.
  Tensor fused = ops::concatenate(s, {features.data(), heads_.size()}, 1);
  fused = ops::sum(s, ops::log_softmax(s, fused, 1), 1);
  s.tap("fused", fused);

  Output output;
  output.attention = ops::mean(s, ops::concatenate(s, {maps.data(), heads_.size()}, 1), 1)
                         .view({n, height, columns});
  s.tap("attention", output.attention);
  output.attention_grid =
      ops::resize(s, output.attention.view({n, 1, height, columns}), rows_, columns_)
          .view({n, rows_, columns_});
  s.tap("attention_grid", output.attention_grid);
  Tensor row = choose(s, latent, latent_rows, output.attention_grid, use, output.chosen);
  s.tap("latent", row);
  output.logits = classifier_(s, row, fused);
  s.tap("logits", output.logits);
  output.probabilities = ops::softmax(s, output.logits, 1);
  s.tap("probabilities", output.probabilities);
  return output;
}

}  // namespace ofer
