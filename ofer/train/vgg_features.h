// VGG-16's convolutions up to relu4_3 (Simonyan, Zisserman 2015), from a checkpoint of theirs.
#pragma once

#include <filesystem>
#include <vector>

#include "layers/conv.h"
#include "ofer/train/feature_network.h"

namespace ofer {

// fine: relu3_3, a quarter of the image's side; deep: relu4_3, an eighth. The images are normalised
// as torchvision's VGG was trained, by ImageNet's mean and deviation.
class VggFeatures final : public FeatureNetwork {
 public:
  // Reads features.0, 2, 5, 7, 10, 12, 14, 17, 19, 21 (weight and bias, torchvision's names) of a
  // checkpoint in any format (weights/checkpoint.h), for images of that side; what else it holds is
  // not looked at. The widths are the file's. Throws kIo; kBadFile, naming the tensor that is
  // missing or does not fit.
  VggFeatures(const std::filesystem::path& path, int image_size, Precision precision,
              Device device);

  FeatureMaps operator()(Session& s, const Tensor& images, bool deep) const override;
  std::int64_t fine_channels() const override;
  std::int64_t fine_size() const override { return image_size_ / 4; }
  std::int64_t deep_channels() const override;
  std::string name() const override { return name_; }

 private:
  std::string name_;
  int image_size_;
  std::shared_ptr<const Model> model_;
  Tensor mean_, deviation_;  // [3, 1, 1]
  std::vector<layers::Conv2d> convolutions_;
};

}  // namespace ofer
