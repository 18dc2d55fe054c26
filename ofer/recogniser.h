// Stage 3: the expression. ResNet features, cross-attention heads, the latent vectors of the
// patches that matter, and a classifier over both.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "engine/staging.h"
#include "layers/conv.h"
#include "layers/linear.h"
#include "layers/norm.h"
#include "layers/residual_block.h"
#include "weights/config.h"

namespace ofer {

// One cross-attention head: attention over the channels, then over the positions.
class AttentionHead {
 public:
  AttentionHead(const layers::Parameters& p, HeadOrder order);

  struct Output {
    Tensor feature;  // [N, C]
    Tensor map;      // [N, h, w]
  };
  // x [N, C, h, w]; s the channels' scales (tap channel), m the map over positions (tap map):
  //   channel first: s of gap(x), m of s x, feature gap(m s x)
  //   spatial first: m of x, s of gap(m x), feature s gap(m x)
  // Taps: channel, spatial, map, output, in the order in which they are computed.
  Output operator()(Session& s, const Tensor& x) const;

 private:
  // [N, C] of pooled features [N, C]; [N, h, w] of features [N, C, h, w].
  Tensor scales(Session& s, const Tensor& pooled) const;
  Tensor map(Session& s, const Tensor& x) const;

  HeadOrder order_;
  layers::Linear channel_down_, channel_up_;
  layers::BatchNorm channel_bn_;
  layers::Conv2d conv1x1_, conv3x3_, conv1x3_, conv3x1_;
  layers::BatchNorm bn1x1_, bn3x3_, bn1x3_, bn3x1_;
  bool merged_;  // the three parallel convolutions are one
};

// The affine chain from latent vectors and head features to logits, whole or folded into one map.
class Classifier {
 public:
  Classifier(const layers::Parameters& p, bool folded);
  // latent [N, P W], features [N, C] -> logits [N, classes].
  Tensor operator()(Session& s, const Tensor& latent, const Tensor& features) const;
  // Classes.
  std::int64_t classes() const;

 private:
  bool folded_;
  layers::Linear latent_[4], joint_[3];
  layers::BatchNorm latent_bn2_, latent_bn4_, joint_bn2_, joint_bn3_;
  Tensor latent_weight_, features_weight_, bias_;
};

// Which latent vectors the classifier sees, the others being zero: those of the patches that were
// chosen, or, to measure what the choice and the latents are worth, all of them or none. A
// classifier of a fixed list has no place for the others, so that it cannot see all.
enum class LatentUse { kChosen, kAll, kNone };

// Names of the taps that Grad-CAM can look at: "recognise/stage4/block1",
// "recognise/head0/spatial", ...; the first is the default.
std::vector<std::string> activation_layers(const Config& config);

class Recogniser {
 public:
  Recogniser(const layers::Parameters& p, const Config& config);

  std::int64_t classes() const { return classifier_.classes(); }
  bool supports(LatentUse use) const { return use != LatentUse::kAll || by_attention_; }
  // activation_layers() of the configuration.
  const std::vector<std::string>& activation_layers() const { return activation_layers_; }

  struct Output {
    Tensor logits, probabilities;  // [N, classes]
    Tensor attention;              // [N, h, w], mean of the heads' maps
    Tensor attention_grid;         // [N, rows, columns], at the patches
    Tensor chosen;                 // [N, L]: 1 where a patch's latent was used
  };
  // images [N, 3, R, R] normalised, latent [N, L, W]. latent_rows: send_latent_rows(N). use: one
  // that it supports.
  // Taps: input, stem, stage1/block0, ...,
  // head0/..., fused, attention, attention_grid, latent, logits, probabilities.
  Output operator()(Session& s, const Tensor& images, const Tensor& latent,
                    const Tensor& latent_rows, LatentUse use = LatentUse::kChosen) const;

  // The maps behind the ResNet's first `count` stages alone, [N, C_i, h_i, w_i] each: what other
  // networks are taught by. Taps: input, stem, stage1/block0, ...
  std::array<Tensor, 4> maps(Session& s, const Tensor& images, std::size_t count) const;

  // Where patches are chosen by a fixed list: sends the numbers (i32) of the rows of [N L, W] that
  // are chosen, image after image. Undefined where attention chooses them. `host` is memory that
  // the caller reuses.
  Tensor send_latent_rows(Session& s, Staging& staging, std::int64_t batch,
                          std::vector<std::int32_t>& host) const;
  // Those numbers; none where attention chooses.
  void fill_latent_rows(std::int64_t batch, std::vector<std::int32_t>& host) const;

 private:
  // The latent vectors that are used as one row [N, P W] for each image, and which patches they are
  // of.
  Tensor choose(Session& s, const Tensor& latent, const Tensor& latent_rows,
                const Tensor& attention_grid, LatentUse use, Tensor& chosen) const;

  layers::Conv2d stem_;
  layers::BatchNorm stem_bn_;
  std::vector<std::vector<layers::ResidualBlock>> stages_;
  std::vector<AttentionHead> heads_;
  Classifier classifier_;
  int rows_, columns_;
  bool by_attention_;  // the image's own attention chooses; else a fixed list
  std::vector<std::int32_t> fixed_patches_;
  std::vector<std::string> activation_layers_;
};

}  // namespace ofer
