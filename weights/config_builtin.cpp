#include "engine/error.h"
#include "weights/config.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

// The patches that the released recogniser looks at, on a grid of 14 x 14: columns 4 to 11 of rows
// 3 to 11, then columns 4 to 9 of row 12.
std::vector<int> released_patches() {
  constexpr int kColumns = 14;
  std::vector<int> patches;
  for (int row = 3; row <= 12; ++row)
    for (int column = 4; column <= (row == 12 ? 9 : 11); ++column)
      patches.push_back(row * kColumns + column);
  return patches;
}

// What both have: ImageNet's normalisation, and the published pipeline's switches.
Config common() {
  Config config;
  config.mean = {0.485, 0.456, 0.406};
  config.std = {0.229, 0.224, 0.225};
  config.recogniser.blocks = {2, 2, 2, 2};
  config.recogniser.heads = 4;
  return config;
}

EncoderConfig vit(int width, int depth, int heads, int mlp_width) {
  return {.width = width, .depth = depth, .heads = heads, .mlp_width = mlp_width};
}

Config base() {
  Config config = common();
  config.name = "base";
  config.image_size = 224;
  config.patch_size = 16;
  config.encoder = vit(768, 12, 12, 3072);
  config.decoder = {vit(512, 8, 16, 2048), false};
  config.detector.spheres = {
      {.kind = SphereKind::kDeep, .taps = {"norm"}, .widths = {768, 32}, .slope = 0.01}};
  config.unet = UNetConfig{.image_size = 256, .levels = 8, .width = 64};
  RecogniserConfig& recogniser = config.recogniser;
  recogniser.image_size = 224;
  recogniser.widths = {64, 128, 256, 512};
  recogniser.latent_patches = released_patches();
  recogniser.channel_width = 32;
  recogniser.spatial_width = 256;
  recogniser.latent_widths = {10000, 5000, 1024, 256};
  recogniser.joint_widths = {256, 128};
  recogniser.structure = RecogniserStructure::kFolded;
  return config;
}

Config small() {
  Config config = common();
  config.name = "small";
  config.image_size = 112;
  config.patch_size = 8;
  config.encoder = vit(192, 6, 6, 768);
  config.decoder = {vit(128, 3, 4, 512), false};
  // A perceptron over shallow, middle and deep latents, which has seen what covers faces; and the
  // latents of a shallow block whitened position by position, the linear phi that separates covered
  // patches best without having seen any.
  config.detector.spheres = {{.kind = SphereKind::kDeep,
                              .taps = {"block01", "block03", "block05"},
                              .widths = {64, 32},
                              .slope = 0.01},
                             {.kind = SphereKind::kDeep,
                              .taps = {"block01"},
                              .widths = {16},
                              .slope = 0.01,
                              .by_position = true}};
  config.detector.smoothing = 0.2;
  // So narrow a U-Net is for what is behind the cover; the rest of the face is there already.
  config.unet = UNetConfig{.image_size = 128, .levels = 7, .width = 8, .composite = true};
  RecogniserConfig& recogniser = config.recogniser;
  recogniser.image_size = 112;
  recogniser.widths = {32, 64, 128, 256};
  recogniser.channel_width = 16;
  recogniser.spatial_width = 64;
  recogniser.latent_selection = LatentSelection::kCam;
  recogniser.latent_widths = {32, 32, 32, 32};
  recogniser.joint_widths = {64, 32};
  recogniser.structure = RecogniserStructure::kLayers;
  return config;
}

}  // namespace

Config builtin_config(std::string_view name) {
  if (name == "base") return base();
  if (name == "small") return small();
  fail(ErrorCode::kBadArgument, "no built-in configuration ", printable(name),
       "; there are \"base\" and \"small\"");
}

}  // namespace ofer
