#include "ofer/train/discriminators.h"

#include "engine/ops.h"
#include "ofer/train/made_model.h"
#include "weights/initialise.h"

namespace ofer {
namespace {

constexpr int kKernel = 4, kPadding = 1;
constexpr double kSlope = 0.2, kDeviation = 0.02;
constexpr int kMostWidth = 1024;

constexpr const char* kOfImages = "image_discriminator";
constexpr const char* kOfFeatures = "feature_discriminator";

std::vector<JudgeLayer> image_plan(int w) {
  return {{w, 2, false}, {2 * w, 2, true}, {4 * w, 2, true}, {8 * w, 1, true}, {1, 1, false}};
}
std::vector<JudgeLayer> feature_plan(int w) {
  return {{8 * w, 2, false}, {8 * w, 2, true}, {8 * w, 2, false}};
}

// Side of what is left of a map; below 1: nothing.
std::int64_t size_behind(std::span<const JudgeLayer> plan, std::int64_t size) {
  for (const JudgeLayer& layer : plan) {
    if (size + 2 * kPadding < kKernel) return 0;
    size = (size + 2 * kPadding - kKernel) / layer.stride + 1;
  }
  return size;
}

void check_size(std::span<const JudgeLayer> plan, std::int64_t size, const char* what) {
  if (size_behind(plan, size) >= 1) return;
  std::int64_t least = size;
  while (size_behind(plan, least) < 1) ++least;
  fail(ErrorCode::kBadArgument, what, " of ", size, " x ", size,
       " are too small for their discriminator, which needs ", least, " x ", least,
       "; a larger image_size of the U-Net, or no adversarial loss (its weight 0)");
}

void add_specs(std::vector<TensorSpec>& specs, const std::string& prefix,
               std::span<const JudgeLayer> plan, std::int64_t channels) {
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const std::string name = message(prefix, ".layer", i);
    const std::int64_t width = plan[i].channels;
    specs.push_back(
        {name + ".weight", {width, channels, kKernel, kKernel}, InitRule::kNormal, kDeviation});
    if (plan[i].norm) {
      specs.push_back({name + ".norm.weight", {width}, InitRule::kConstant, 1});
      specs.push_back({name + ".norm.bias", {width}, InitRule::kConstant, 0});
    } else {
      specs.push_back({name + ".bias", {width}, InitRule::kConstant, 0});
    }
    channels = width;
  }
}

}  // namespace

Discriminator::Discriminator(const layers::Parameters& p, std::span<const JudgeLayer> plan) {
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const layers::Parameters at = p.child("layer", static_cast<int>(i));
    Layer& layer = layers_.emplace_back();
    layer.conv = layers::Conv2d(at, ops::Conv2d::square(plan[i].stride, kPadding));
    if (plan[i].norm) layer.norm.emplace(at.child("norm"));
  }
}

Tensor Discriminator::operator()(Session& s, const Tensor& x) const {
  Tensor y = x;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    y = i == 0 ? layers_[i].conv(s, y) : layers_[i].conv(s, y, ops::Activation::kLeakyRelu, kSlope);
    if (layers_[i].norm) y = (*layers_[i].norm)(s, y);
  }
  return y;
}

Discriminators::Discriminators(const DiscriminatorOptions& options, std::int64_t image_size,
                               std::int64_t feature_channels, std::int64_t feature_size,
                               Precision precision, Device device) {
  require(options.width >= 1 && options.width <= kMostWidth, ErrorCode::kBadArgument,
          "the width of the discriminators is from 1 to ", kMostWidth, ", not ", options.width);
  const std::vector<JudgeLayer> images = image_plan(options.width),
                                features = feature_plan(options.width);
  check_size(images, image_size, "images");
  check_size(features, feature_size, "features");
  std::vector<TensorSpec> specs;
  add_specs(specs, kOfImages, images, 3);
  add_specs(specs, kOfFeatures, features, feature_channels);
  std::vector<NamedShape> shapes;
  for (const TensorSpec& spec : specs) shapes.push_back({spec.name, spec.shape});
  model_ = make_model(
      shapes,
      [&](std::size_t i, std::span<float> out) {
        initial_values(specs[i], options.seed)(0, std::as_writable_bytes(out));
      },
      precision, device);
  for (const auto& [name, tensor] : *model_)
    parameters_.push_back({name, tensor, true, tensor.rank() >= 2});
  images_.emplace(layers::Parameters(*model_, kOfImages), images);
  features_.emplace(layers::Parameters(*model_, kOfFeatures), features);
}

}  // namespace ofer
