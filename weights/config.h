// A model's configuration: sizes and switches, one JSON object in its weight file (docs/model.md).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ofer {

// A vision transformer's size; fields as in the JSON.
struct EncoderConfig {
  int width = 0;  // D
  int depth = 0;  // blocks
  int heads = 0;
  int mlp_width = 0;

  int head_width() const { return width / heads; }
  bool operator==(const EncoderConfig&) const = default;
};

struct DecoderConfig : EncoderConfig {  // width is E
  bool norm_pix_loss = false;           // predicts patches standardised by their own statistics

  bool operator==(const DecoderConfig&) const = default;
};

enum class SphereKind : std::uint8_t { kDeep, kKernel };

struct SphereConfig {
  SphereKind kind = SphereKind::kDeep;
  std::vector<std::string> taps{};  // encoder outputs, concatenated along the channels
  std::vector<int> widths{};        // deep: output widths of phi's linear maps
  double slope = 0;                 // deep: of the leaky ReLU between them
  int support = 0;                  // kernel: support vectors
  double gamma = 0;                 // kernel: exp(-gamma ||a - b||^2)
  bool by_position = false;         // phi, centre and radius per patch position, or one for all
  double weight = 1;                // of log(d / R^2) among several spheres

  // Width of the latents that the sphere sees, for an encoder of width D.
  std::int64_t latent_width(const EncoderConfig& encoder) const {
    return static_cast<std::int64_t>(taps.size()) * encoder.width;
  }
  bool operator==(const SphereConfig&) const = default;
};

struct DetectorConfig {
  std::optional<EncoderConfig> encoder;  // empty: the autoencoder's
  std::vector<SphereConfig> spheres;     // empty: nothing detects, masks have to be given
  // What covers a patch covers its neighbours, too: scores are averaged over 3 x 3 patches, with
  // weights (a, 1 - 2 a, a) along rows and along columns. 0 (the paper): not at all; at most 1/3.
  double smoothing = 0;

  bool operator==(const DetectorConfig&) const = default;
};

// The self-assembly as the paper defines it, or as the authors' code computes it.
enum class SelfAssemblyVariant : std::uint8_t { kPaper, kReleased };

struct UNetConfig {
  int image_size = 0;
  int levels = 0;  // n
  int width = 0;   // g
  SelfAssemblyVariant self_assembly = SelfAssemblyVariant::kPaper;
  bool flip_channels = false;
  bool composite = false;

  // The self-assembly stands in this level.
  static constexpr int kAssemblyLevel = 3;

  // Side of level i's maps, i = 0..n.
  int level_size(int i) const { return image_size >> i; }
  // Channels that come into level i from above, 2g, 4g, 8g, 8g, ...; i = 1..n.
  int input_width(int i) const { return width * (i == 1 ? 2 : i == 2 ? 4 : 8); }
  // Channels of level i's second convolution, 4g, 8g, 16g, 8g, ...; i = 1..n-1.
  int convolved_width(int i) const { return width * (i == 1 ? 4 : i == kAssemblyLevel ? 16 : 8); }
  // Channels that go down from level i: as convolved, but halved by the self-assembly; i = 1..n-1.
  int output_width(int i) const { return width * (i == 1 ? 4 : 8); }
  // Channels of the skip beside level i, i = 1..n: half of its input (the unflipped image's) down
  // to the self-assembly, all of it below.
  int skip_width(int i) const { return i <= kAssemblyLevel ? input_width(i) / 2 : input_width(i); }
  // Channels that level i gives upwards, 3 at level 0, else g, 2g, 4g, 8g, 8g, ...; i = 0..n.
  int up_width(int i) const {
    return i == 0 ? 3 : width * (i == 1 ? 1 : i == 2 ? 2 : i == 3 ? 4 : 8);
  }
  // Channels of the concatenation that level i's way up begins with; i = 0..n-1.
  int joined_width(int i) const { return up_width(i + 1) + skip_width(i + 1); }

  bool operator==(const UNetConfig&) const = default;
};

enum class LatentSource : std::uint8_t { kDecoderNorm, kEncoderNorm };
enum class LatentSelection : std::uint8_t { kFixed, kCam };
// Which of a head's attentions works on the features as they are: over the channels, as the released
// network has it, or over the positions, as DAN has it.
enum class HeadOrder : std::uint8_t { kChannelFirst, kSpatialFirst };
enum class RecogniserStructure : std::uint8_t { kLayers, kFolded };

struct RecogniserConfig {
  int image_size = 0;
  std::array<int, 4> widths{};  // C_1..C_4
  std::array<int, 4> blocks{};
  int heads = 0;
  int channel_width = 0;  // r
  int spatial_width = 0;  // s
  HeadOrder head_order = HeadOrder::kChannelFirst;
  LatentSource latent_source = LatentSource::kDecoderNorm;
  LatentSelection latent_selection = LatentSelection::kFixed;
  std::vector<int> latent_patches{};
  std::array<int, 4> latent_widths{};
  std::array<int, 2> joint_widths{};
  RecogniserStructure structure = RecogniserStructure::kLayers;

  // C, the width of the features.
  int feature_width() const { return widths[3]; }
  // Side of the feature map: five halvings, each rounded up.
  int feature_size() const;

  bool operator==(const RecogniserConfig&) const = default;
};

struct Config {
  std::string name;
  int image_size = 0;
  int patch_size = 0;
  std::array<double, 3> mean{};
  std::array<double, 3> std{};
  EncoderConfig encoder;
  DecoderConfig decoder;
  DetectorConfig detector;
  std::optional<UNetConfig> unet;
  RecogniserConfig recogniser;

  int patch_rows() const { return image_size / patch_size; }
  int patch_columns() const { return image_size / patch_size; }
  // L.
  int patch_count() const { return patch_rows() * patch_columns(); }
  // p p 3, the values of a patch.
  int patch_values() const { return patch_size * patch_size * 3; }

  // The encoder that the detector looks through.
  const EncoderConfig& detector_encoder() const {
    return detector.encoder ? *detector.encoder : encoder;
  }

  // Width and height of the image that the U-Net works on; the ViT's where there is no U-Net.
  int restored_size() const { return unet ? unet->image_size : image_size; }

  // W, the width of one latent vector of the recogniser.
  int latent_width() const {
    return recogniser.latent_source == LatentSource::kDecoderNorm ? decoder.width : encoder.width;
  }
  // P, how many of them its classifier sees.
  int latent_count() const {
    return recogniser.latent_selection == LatentSelection::kFixed
               ? static_cast<int>(recogniser.latent_patches.size())
               : patch_count();
  }
  // P W.
  std::int64_t latent_length() const { return std::int64_t{latent_count()} * latent_width(); }

  bool operator==(const Config&) const = default;
};

// Number of the encoder output that a tap names: 0, 1, ... for "block00", "block01", ..., `depth`
// for "norm", nothing for any other text and for blocks that an encoder of `depth` does not have.
std::optional<int> tap_index(std::string_view tap, int depth);

// Throws kBadArgument, one line with the field's path and the rule that it breaks, when no model
// can be built to `config`. Everything below expects a valid one.
void validate(const Config& config);

// From JSON text, strictly: unknown, missing and repeated fields and wrong types are errors
// (kBadArgument, with the field's path). The result is valid.
Config parse_config(std::string_view json);

// As indented JSON text; parse_config gives the same configuration back.
std::string to_json(const Config& config);

// "base": the paper's sizes, for the published checkpoints, folded. "small": 8.8 M parameters
// when folded, as layers, for training. Throws kBadArgument for any other name.
Config builtin_config(std::string_view name);

}  // namespace ofer
