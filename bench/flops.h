// Floating-point operations of the stages, from a configuration: 2 for each multiply-add of the
// linear maps, convolutions and attention products. Norms, activations, softmax, resizing and other
// pointwise work are not counted; nor are products with the zeros of a stride, though those with
// the zeros of a padding are.
#pragma once

#include <algorithm>
#include <cstdint>

#include "weights/config.h"

namespace ofer::bench {

constexpr double linear_flops(std::int64_t rows, std::int64_t in, std::int64_t out) {
  return 2.0 * static_cast<double>(rows) * static_cast<double>(in) * static_cast<double>(out);
}

// Scores and weighted sums of all heads together: width = heads * head width.
constexpr double attention_flops(std::int64_t tokens, std::int64_t width) {
  return 2 * linear_flops(tokens, tokens, width);
}

// positions: of the output (convolution) or of the input (transposed convolution).
constexpr double conv_flops(std::int64_t positions, std::int64_t in, std::int64_t out,
                            std::int64_t taps) {
  return linear_flops(positions, in * taps, out);
}

inline double block_flops(const EncoderConfig& vit, std::int64_t tokens) {
  return linear_flops(tokens, vit.width, 4 * std::int64_t{vit.width}) +
         2 * linear_flops(tokens, vit.width, vit.mlp_width) + attention_flops(tokens, vit.width);
}

// One image with `visible` patches; every patch is embedded, the visible ones go through `blocks`
// blocks.
inline double encoder_flops(const Config& config, const EncoderConfig& vit, std::int64_t visible,
                            int blocks) {
  return linear_flops(config.patch_count(), config.patch_values(), vit.width) +
         blocks * block_flops(vit, visible + 1);
}

inline double decoder_flops(const Config& config, std::int64_t visible) {
  const DecoderConfig& decoder = config.decoder;
  return linear_flops(visible + 1, config.encoder.width, decoder.width) +
         decoder.depth * block_flops(decoder, config.patch_count() + 1) +
         linear_flops(config.patch_count(), decoder.width, config.patch_values());
}

// The encoder as deep as the spheres look, and the linear maps of the deep ones.
inline double detector_flops(const Config& config) {
  const EncoderConfig& vit = config.detector_encoder();
  int blocks = 0;
  double sum = 0;
  for (const SphereConfig& sphere : config.detector.spheres) {
    for (const std::string& tap : sphere.taps)
      blocks = std::max(blocks, std::min(tap_index(tap, vit.depth).value() + 1, vit.depth));
    std::int64_t in = sphere.latent_width(vit);
    for (int out : sphere.widths) {
      sum += linear_flops(config.patch_count(), in, out);
      in = out;
    }
  }
  return sum + encoder_flops(config, vit, config.patch_count(), blocks);
}

// The products of the best match: each masked position with each known one.
inline double self_assembly_flops(const UNetConfig& unet, std::int64_t masked) {
  const std::int64_t side = unet.level_size(UNetConfig::kAssemblyLevel);
  return linear_flops(masked, unet.output_width(UNetConfig::kAssemblyLevel), side * side - masked);
}

// The first convolution, the levels down and up, the last convolution; without the self-assembly.
inline double unet_convolution_flops(const UNetConfig& unet) {
  const auto positions = [&](int level) {
    return std::int64_t{unet.level_size(level)} * unet.level_size(level);
  };
  double sum = conv_flops(positions(0), 12, unet.input_width(1), 9) +
               conv_flops(positions(0), unet.joined_width(0), unet.up_width(0), 9);
  for (int i = 1; i <= unet.levels; ++i) {
    const std::int64_t in = unet.input_width(i), up = unet.up_width(i);
    sum += conv_flops(positions(i), in, in, 16) + conv_flops(positions(i), up, up, 16);
    if (i < unet.levels)
      sum += conv_flops(positions(i), in, unet.convolved_width(i), 9) +
             conv_flops(positions(i), unet.joined_width(i), up, 9);
  }
  return sum;
}

inline double unet_flops(const UNetConfig& unet, std::int64_t masked) {
  return unet_convolution_flops(unet) + self_assembly_flops(unet, masked);
}

inline double classifier_flops(const Config& config, std::int64_t classes) {
  const RecogniserConfig& r = config.recogniser;
  if (r.structure == RecogniserStructure::kFolded)
    return linear_flops(1, config.latent_length() + r.feature_width(), classes);
  double sum = 0;
  std::int64_t in = config.latent_length();
  for (int out : r.latent_widths) {
    sum += linear_flops(1, in, out);
    in = out;
  }
  in += r.feature_width();
  for (int out : r.joint_widths) {
    sum += linear_flops(1, in, out);
    in = out;
  }
  return sum + linear_flops(1, in, classes);
}

inline double recogniser_flops(const Config& config, std::int64_t classes) {
  const RecogniserConfig& r = config.recogniser;
  const auto halved = [](std::int64_t side) { return (side + 1) / 2; };
  std::int64_t side = halved(r.image_size), in = r.widths[0];
  double sum = conv_flops(side * side, 3, in, 49);
  side = halved(side);
  for (std::size_t stage = 0; stage < r.widths.size(); ++stage) {
    const std::int64_t width = r.widths[stage];
    if (stage > 0) side = halved(side);
    if (stage > 0 || in != width) sum += conv_flops(side * side, in, width, 1);
    for (int block = 0; block < r.blocks[stage]; ++block) {
      sum += conv_flops(side * side, in, width, 9) + conv_flops(side * side, width, width, 9);
      in = width;
    }
  }
  // A head: squeeze and widen the channels; 1 x 1, then 3 x 3 (unfolded: and 1 x 3, and 3 x 1).
  const int taps = r.structure == RecogniserStructure::kFolded ? 9 : 15;
  const double head = 2 * linear_flops(1, in, r.channel_width) +
                      conv_flops(side * side, in, r.spatial_width, 1) +
                      conv_flops(side * side, r.spatial_width, in, taps);
  return sum + r.heads * head + classifier_flops(config, classes);
}

// One image, detection included. masked: positions of the self-assembly's map; without a covered
// patch the U-Net does not run.
inline double pipeline_flops(const Config& config, std::int64_t visible, std::int64_t masked,
                             std::int64_t classes) {
  double sum = detector_flops(config) +
               encoder_flops(config, config.encoder, visible, config.encoder.depth) +
               decoder_flops(config, visible) + recogniser_flops(config, classes);
  if (config.unet && visible < config.patch_count()) sum += unet_flops(*config.unet, masked);
  return sum;
}

}  // namespace ofer::bench
