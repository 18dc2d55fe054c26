#include "ofer/train/vgg_features.h"

#include <algorithm>

#include "engine/ops.h"
#include "ofer/train/made_model.h"
#include "weights/checkpoint.h"

namespace ofer {
namespace {

// A convolution's number in torchvision's Sequential, and whether a pooling stands in front of it.
struct Place {
  int number;
  bool pooled;
};
constexpr Place kPlaces[] = {{0, false},  {2, false},  {5, true},  {7, false},  {10, true},
                             {12, false}, {14, false}, {17, true}, {19, false}, {21, false}};
constexpr std::size_t kFineConvolutions = 7;  // up to relu3_3

constexpr float kMean[] = {0.485f, 0.456f, 0.406f}, kDeviation[] = {0.229f, 0.224f, 0.225f};

std::string name_of(const Place& place) {
  return message("features.", place.number);
}

// The convolutions' tensors, each checked against the one before; then the normalisation.
std::vector<NamedShape> shapes_of(const Checkpoint& file) {
  const auto shape_of = [&](const std::string& name) {
    const CheckpointTensor* tensor = file.find(name);
    require(tensor != nullptr && tensor->numeric, ErrorCode::kBadFile, file.name(), ": has no ",
            name, "; weights of VGG-16 by torchvision's names are wanted");
    return tensor->shape;
  };
  std::vector<NamedShape> shapes;
  std::int64_t channels = 3;
  for (const Place& place : kPlaces) {
    const std::string name = name_of(place);
    const Shape weight = shape_of(name + ".weight"), bias = shape_of(name + ".bias");
    require(weight.rank() == 4 && weight[0] > 0 && weight == Shape{weight[0], channels, 3, 3},
            ErrorCode::kBadFile, file.name(), ": ", name, ".weight is ", weight,
            " instead of [out, ", channels, ", 3, 3]");
    channels = weight[0];
    require(bias == Shape{channels}, ErrorCode::kBadFile, file.name(), ": ", name, ".bias is ",
            bias, " instead of [", channels, "]");
    shapes.push_back({name + ".weight", weight});
    shapes.push_back({name + ".bias", bias});
  }
  shapes.push_back({"mean", {3, 1, 1}});
  shapes.push_back({"deviation", {3, 1, 1}});
  return shapes;
}

}  // namespace

VggFeatures::VggFeatures(const std::filesystem::path& path, int image_size, Precision precision,
                         Device device)
    : image_size_(image_size) {
  const Checkpoint file = Checkpoint::open(path);
  name_ = "VGG-16 of " + file.name();
  const std::vector<NamedShape> shapes = shapes_of(file);
  model_ = make_model(
      shapes,
      [&](std::size_t i, std::span<float> out) {
        if (shapes[i].name == "mean")
          std::copy_n(kMean, 3, out.begin());
        else if (shapes[i].name == "deviation")
          std::copy_n(kDeviation, 3, out.begin());
        else
          file.read(*file.find(shapes[i].name), 0, out);
      },
      precision, device);
  mean_ = model_->find("mean");
  deviation_ = model_->find("deviation");
  const layers::Parameters all(*model_);
  for (const Place& place : kPlaces)
    convolutions_.emplace_back(all.child(name_of(place)), ops::Conv2d::square(1, 1));
}

FeatureMaps VggFeatures::operator()(Session& s, const Tensor& images, bool deep) const {
  Tensor x = ops::scale(s, images, 0.5, 0.5);
  x = ops::divide(s, ops::subtract(s, x, mean_), deviation_);
  FeatureMaps maps;
  for (std::size_t i = 0; i < (deep ? convolutions_.size() : kFineConvolutions); ++i) {
    if (kPlaces[i].pooled) x = ops::max_pool(s, x, {2, 2, 0});
    x = ops::relu(s, convolutions_[i](s, x));
    if (i + 1 == kFineConvolutions) maps.fine = x;
  }
  if (deep) maps.deep = x;
  return maps;
}

std::int64_t VggFeatures::fine_channels() const {
  return convolutions_[kFineConvolutions - 1].weight.size(0);
}
std::int64_t VggFeatures::deep_channels() const {
  return convolutions_.back().weight.size(0);
}

}  // namespace ofer
