#include "weights/tensor_table.h"

#include <cmath>

#include "engine/error.h"
#include "weights/tensor_table_builder.h"

namespace ofer {
namespace {

constexpr double kTokenDeviation = 0.02;  // of the class and mask tokens, as in the published MAE
constexpr double kCenterAmount = 0.1;     // no |c_j| below it

std::string two_digits(int number) { return message(number < 10 ? "0" : "", number); }

// `count` copies of a shape, one for each position, or the shape itself.
Shape for_positions(bool by_position, std::int64_t count, const Shape& shape) {
  if (!by_position) return shape;
  Shape result{count};
  for (int axis = 0; axis < shape.rank(); ++axis) result.push_back(shape[axis]);
  return result;
}

void add_blocks(TableBuilder& t, const std::string& prefix, const EncoderConfig& vit) {
  for (int i = 0; i < vit.depth; ++i) {
    const std::string block = prefix + ".block" + two_digits(i);
    t.norm(block + ".norm1", vit.width);
    t.xavier_linear(block + ".qkv", std::int64_t{3} * vit.width, vit.width);
    t.xavier_linear(block + ".projection", vit.width, vit.width);
    t.norm(block + ".norm2", vit.width);
    t.xavier_linear(block + ".up", vit.mlp_width, vit.width);
    t.xavier_linear(block + ".down", vit.width, vit.mlp_width);
  }
  t.norm(prefix + ".norm", vit.width);
}

void add_encoder(TableBuilder& t, const std::string& prefix, const EncoderConfig& vit,
                 const Config& config) {
  t.patch_embedding(prefix + ".patch", vit.width, config.patch_size);
  t.add(prefix + ".class_token", {vit.width}, InitRule::kNormal, kTokenDeviation);
  t.add(prefix + ".position", {config.patch_count() + 1, vit.width}, InitRule::kPositions, 1);
  add_blocks(t, prefix, vit);
}

void add_decoder(TableBuilder& t, const Config& config) {
  const DecoderConfig& vit = config.decoder;
  const std::string prefix = "mae.decoder";
  t.xavier_linear(prefix + ".embed", vit.width, config.encoder.width);
  t.add(prefix + ".mask_token", {vit.width}, InitRule::kNormal, kTokenDeviation);
  t.add(prefix + ".position", {config.patch_count() + 1, vit.width}, InitRule::kPositions, 1);
  add_blocks(t, prefix, vit);
  t.xavier_linear(prefix + ".predict", config.patch_values(), vit.width);
}

// Mean square of a latent's numbers in an untrained encoder: 1 behind a layer norm. A block's
// output is positions (1/2), embedded pixels (about 1, of images normalised to variance 1) and what
// the blocks add. It only places the radius, so that an untrained detector marks some patches.
double expected_square(const SphereConfig& sphere) {
  double sum = 0;
  for (const std::string& tap : sphere.taps) sum += tap == "norm" ? 1.0 : 2.0;
  return sum / static_cast<double>(sphere.taps.size());
}

// phi keeps the mean square m of its input (Var = 1 / in; behind a leaky ReLU of slope a, which
// keeps (1 + a^2) / 2 of it, that much more). Then d = sum_j (f_j - c_j)^2 has the mean
// F (m + mean c^2), with c^2 = 7/3 amount^2 on average.
void add_deep_sphere(TableBuilder& t, const std::string& prefix, const SphereConfig& sphere,
                     const Config& config) {
  const std::int64_t positions = config.patch_count();
  std::int64_t in = sphere.latent_width(config.detector_encoder());
  for (std::size_t i = 0; i < sphere.widths.size(); ++i) {
    const double kept = i == 0 ? 1 : (1 + sphere.slope * sphere.slope) / 2;
    t.add(message(prefix, ".phi", i, ".weight"),
          for_positions(sphere.by_position, positions, {sphere.widths[i], in}), InitRule::kNormal,
          std::sqrt(1 / (kept * static_cast<double>(in))));
    in = sphere.widths[i];
  }
  t.add(prefix + ".center", for_positions(sphere.by_position, positions, {in}), InitRule::kCenter,
        kCenterAmount);
  const double square = expected_square(sphere) + kCenterAmount * kCenterAmount * 7 / 3;
  t.constant(prefix + ".radius", {sphere.by_position ? positions : 1},
             std::sqrt(static_cast<double>(in) * square));
}

// Support vectors like latents: two of them, or one and a latent, are 2 Z m apart, so K between
// them is k = exp(-2 gamma Z m), and d has the mean 1 - 2 k + 1/S + (1 - 1/S) k.
void add_kernel_sphere(TableBuilder& t, const std::string& prefix, const SphereConfig& sphere,
                       const Config& config) {
  const std::int64_t positions = config.patch_count();
  const std::int64_t width = sphere.latent_width(config.detector_encoder());
  const double square = expected_square(sphere), share = 1.0 / sphere.support;
  t.add(prefix + ".support", for_positions(sphere.by_position, positions, {sphere.support, width}),
        InitRule::kNormal, std::sqrt(square));
  t.constant(prefix + ".alpha", for_positions(sphere.by_position, positions, {sphere.support}),
             share);
  const double k = std::exp(-2 * sphere.gamma * static_cast<double>(width) * square);
  t.constant(prefix + ".radius", {sphere.by_position ? positions : 1},
             std::sqrt(1 - 2 * k + share + (1 - share) * k));
}

void add_detector(TableBuilder& t, const Config& config) {
  if (config.detector.encoder) add_encoder(t, "detector.encoder", *config.detector.encoder, config);
  for (std::size_t k = 0; k < config.detector.spheres.size(); ++k) {
    const SphereConfig& sphere = config.detector.spheres[k];
    const std::string prefix = message("detector.sphere", k);
    if (sphere.kind == SphereKind::kDeep)
      add_deep_sphere(t, prefix, sphere, config);
    else
      add_kernel_sphere(t, prefix, sphere, config);
  }
}

// In the order in which they run: down to level n, and up again.
void add_unet(TableBuilder& t, const UNetConfig& u) {
  const auto level = [](int i) { return message("unet.level", i); };
  constexpr int kImages = 12;  // channels: painted, masked, and both flipped
  t.unet_conv(level(0) + ".in", u.input_width(1), kImages, 3, u.input_width(1));
  for (int i = 1; i <= u.levels; ++i) {
    const std::int64_t in = u.input_width(i);
    t.unet_conv(level(i) + ".down", in, in, 4, in);
    if (i == u.levels) break;
    t.norm(level(i) + ".down_norm", in);
    t.unet_conv(level(i) + ".in", u.convolved_width(i), in, 3, u.convolved_width(i));
    t.norm(level(i) + ".in_norm", u.output_width(i));
  }
  for (int i = u.levels; i >= 0; --i) {
    const std::int64_t up = u.up_width(i);
    if (i < u.levels) t.unet_conv(level(i) + ".out", u.joined_width(i), up, 3, up);
    if (i == 0) break;
    if (i < u.levels) t.norm(level(i) + ".out_norm", up);
    t.unet_conv(level(i) + ".up", up, up, 4, up);
    t.norm(level(i) + ".up_norm", up);
  }
}

void add_features(TableBuilder& t, const RecogniserConfig& r, bool folded) {
  const auto conv = [&](const std::string& name, const std::string& norm, int out, int in, int k) {
    t.kaiming_conv(name, out, in, k, k, folded);
    if (!folded) t.batch_norm(norm, out);
  };
  conv("recogniser.stem.conv", "recogniser.stem.bn", r.widths[0], 3, 7);
  int in = r.widths[0];
  for (std::size_t i = 0; i < r.widths.size(); ++i) {
    const int out = r.widths[i];
    for (int j = 0; j < r.blocks[i]; ++j) {
      const std::string block = message("recogniser.stage", i + 1, ".block", j);
      conv(block + ".conv1", block + ".bn1", out, in, 3);
      conv(block + ".conv2", block + ".bn2", out, out, 3);
      // Stages 2 to 4 begin with a stride, so their first block's shortcut needs a convolution.
      if (i > 0 && j == 0) conv(block + ".shortcut.conv", block + ".shortcut.bn", out, in, 1);
      in = out;
    }
  }
}

void add_heads(TableBuilder& t, const RecogniserConfig& r, bool folded) {
  const int c = r.feature_width(), s = r.spatial_width;
  for (int k = 0; k < r.heads; ++k) {
    const std::string head = message("recogniser.head", k);
    t.linear(head + ".channel.down", r.channel_width, c);
    if (!folded) t.batch_norm(head + ".channel.bn", r.channel_width);
    t.linear(head + ".channel.up", c, r.channel_width);
    const std::string spatial = head + ".spatial.";
    t.kaiming_conv(spatial + "conv1x1", s, c, 1, 1, true);
    if (!folded) t.batch_norm(spatial + "bn1x1", s);
    t.kaiming_conv(spatial + "conv3x3", c, s, 3, 3, true);
    if (folded) continue;  // the three parallel convolutions are one 3 x 3
    t.batch_norm(spatial + "bn3x3", c);
    t.kaiming_conv(spatial + "conv1x3", c, s, 1, 3, true);
    t.batch_norm(spatial + "bn1x3", c);
    t.kaiming_conv(spatial + "conv3x1", c, s, 3, 1, true);
    t.batch_norm(spatial + "bn3x1", c);
  }
}

void add_classifier(TableBuilder& t, const Config& config, std::int64_t classes) {
  const RecogniserConfig& r = config.recogniser;
  const std::string name = "recogniser.classifier.";
  if (r.structure == RecogniserStructure::kFolded) {
    t.linear_weight(name + "latent.weight", classes, config.latent_length());
    t.linear_weight(name + "features.weight", classes, r.feature_width());
    t.constant(name + "bias", {classes}, 0);
    return;
  }
  std::int64_t in = config.latent_length();
  for (int i = 0; i < 4; ++i) {
    const int out = r.latent_widths[static_cast<std::size_t>(i)];
    t.linear(message(name, "latent", i + 1), out, in);
    if (i == 1 || i == 3) t.batch_norm(message(name, "latent_bn", i + 1), out);
    in = out;
  }
  t.linear(name + "joint1", r.joint_widths[0], in + r.feature_width());
  t.linear(name + "joint2", r.joint_widths[1], r.joint_widths[0]);
  t.batch_norm(name + "joint_bn2", r.joint_widths[1]);
  t.linear(name + "joint3", classes, r.joint_widths[1]);
  t.batch_norm(name + "joint_bn3", classes);
}

}  // namespace

std::vector<TensorSpec> tensor_table(const Config& config, std::int64_t classes) {
  require(classes >= 1 && classes <= 65536, ErrorCode::kBadArgument,
          "a model has from 1 to 65536 classes, not ", classes);
  const bool folded = config.recogniser.structure == RecogniserStructure::kFolded;
  TableBuilder t;
  add_encoder(t, "mae.encoder", config.encoder, config);
  add_decoder(t, config);
  add_detector(t, config);
  if (config.unet) add_unet(t, *config.unet);
  add_features(t, config.recogniser, folded);
  add_heads(t, config.recogniser, folded);
  add_classifier(t, config, classes);
  return t.take();
}

std::int64_t element_count(const std::vector<TensorSpec>& table, std::string_view prefix) {
  std::int64_t count = 0;
  for (const TensorSpec& spec : table)
    if (spec.name.starts_with(prefix)) count += spec.shape.elements();
  return count;
}

}  // namespace ofer
