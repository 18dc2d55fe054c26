// Networks that stay as they are, whose maps of the truth a refined image is taught by (section 4.6
// of the method).
#pragma once

#include <string>

#include "engine/session.h"
#include "ofer/network.h"

namespace ofer {

struct FeatureMaps {
  Tensor fine;  // [N, C, h, w], about a quarter of the image's side: for the feature discriminator
  Tensor deep;  // [N, C', h', w'], about an eighth: what the U-Net's own maps are compared with
};

// Immutable; any number of sessions may use one at once.
class FeatureNetwork {
 public:
  virtual ~FeatureNetwork() = default;

  // images [N, 3, U, U] in [-1, 1]. `deep` is computed when it is asked for.
  virtual FeatureMaps operator()(Session& s, const Tensor& images, bool deep) const = 0;
  virtual std::int64_t fine_channels() const = 0;
  virtual std::int64_t fine_size() const = 0;  // h = w
  virtual std::int64_t deep_channels() const = 0;
  // Which it is, for a remark.
  virtual std::string name() const = 0;
};

// The recogniser's own ResNet, in place of VGG-16 for who has no such weights: of its stages the
// ones whose maps are nearest to U / 4 and U / 8 (of two as near the earlier). The network is
// borrowed. Its batch norms take their running statistics.
class RecogniserFeatures final : public FeatureNetwork {
 public:
  explicit RecogniserFeatures(const Network& network);

  FeatureMaps operator()(Session& s, const Tensor& images, bool deep) const override;
  std::int64_t fine_channels() const override;
  std::int64_t fine_size() const override;
  std::int64_t deep_channels() const override;
  std::string name() const override;

 private:
  const Network& network_;
  int fine_, deep_;  // stages, from 0
};

// What the recogniser sees of images [N, 3, U, U] in [-1, 1]: [N, 3, R, R] normalised. They are not
// clamped to [0, 1], so that a pixel beyond keeps its gradient.
Tensor recogniser_view(Session& s, const Network& network, const Tensor& images);

// While one lives the session does not train: batch norms of networks that stay as they are take
// their running statistics and leave them alone.
class NotTraining {
 public:
  explicit NotTraining(Session& session) : session_(session), before_(session.training()) {
    session_.set_training(false);
  }
  ~NotTraining() { session_.set_training(before_); }
  NotTraining(const NotTraining&) = delete;
  NotTraining& operator=(const NotTraining&) = delete;

 private:
  Session& session_;
  bool before_;
};

}  // namespace ofer
