#include "weights/config.h"

#include <charconv>
#include <cmath>
#include <set>

#include "engine/error.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

constexpr int kMaxSize = 65536;     // of any width
constexpr int kMaxImage = 8192;     // side of an image
constexpr int kMaxPatches = 65536;  // L
constexpr int kMaxCount = 64;       // of heads of a stage, spheres, taps, linear maps
constexpr int kMaxDepth = 100;      // block names have two digits
constexpr int kMaxUNetLevels = 12;
// Above this, one linear map has more numbers than any machine holds.
constexpr std::int64_t kMaxProduct = std::int64_t{1} << 34;

template <class... Pieces>
void rule(bool holds, const std::string& field, const Pieces&... pieces) {
  require(holds, ErrorCode::kBadArgument, "configuration: ", field, ": ", pieces...);
}

void size(int value, const std::string& field, int largest = kMaxSize) {
  rule(value >= 1 && value <= largest, field, "must be from 1 to ", largest, ", not ", value);
}

void product(std::int64_t a, std::int64_t b, const std::string& field) {
  rule(a <= kMaxProduct / b, field, "makes a linear map of ", a, " x ", b,
       " numbers, which is too large");
}

void check(const EncoderConfig& vit, const std::string& field) {
  size(vit.width, field + ".width");
  size(vit.depth, field + ".depth", kMaxDepth);
  size(vit.heads, field + ".heads");
  size(vit.mlp_width, field + ".mlp_width");
  rule(vit.width % vit.heads == 0, field + ".heads", "must divide width ", vit.width);
  rule(vit.width % 4 == 0, field + ".width",
       "must be divisible by 4, for the sine-cosine positions");
}

void check(const SphereConfig& sphere, const EncoderConfig& encoder, std::int64_t positions,
           const std::string& field) {
  rule(!sphere.taps.empty() && sphere.taps.size() <= kMaxCount, field + ".taps",
       "must list from 1 to ", kMaxCount, " taps");
  for (const std::string& tap : sphere.taps)
    rule(tap_index(tap, encoder.depth).has_value(), field + ".taps", printable(tap),
         " is no output of an encoder of ", encoder.depth, " blocks (\"block00\", ..., \"norm\")");
  rule(std::isfinite(sphere.weight) && sphere.weight > 0, field + ".weight", "must be above 0");
  const std::int64_t copies = sphere.by_position ? positions : 1;
  std::int64_t width = sphere.latent_width(encoder);
  if (sphere.kind == SphereKind::kKernel) {
    size(sphere.support, field + ".support");
    rule(std::isfinite(sphere.gamma) && sphere.gamma > 0, field + ".gamma", "must be above 0");
    product(width * copies, sphere.support, field + ".support");
    return;
  }
  rule(!sphere.widths.empty() && sphere.widths.size() <= kMaxCount, field + ".widths",
       "must list from 1 to ", kMaxCount, " widths");
  for (int next : sphere.widths) {
    size(next, field + ".widths");
    product(width * copies, next, field + ".widths");
    width = next;
  }
  rule(sphere.slope >= 0 && sphere.slope <= 1, field + ".slope", "must be from 0 to 1");
}

void check(const UNetConfig& unet) {
  size(unet.image_size, "unet.image_size", kMaxImage);
  rule(unet.levels >= 4 && unet.levels <= kMaxUNetLevels, "unet.levels", "must be from 4 to ",
       kMaxUNetLevels, ", not ", unet.levels);
  size(unet.width, "unet.width", kMaxSize / 16);  // the widest level has 16 times as many channels
  rule(unet.image_size % (1 << unet.levels) == 0, "unet.image_size", "must be divisible by 2^",
       unet.levels, ", for ", unet.levels, " levels");
}

void check_latents(const Config& config) {
  const RecogniserConfig& r = config.recogniser;
  const std::string field = "recogniser.latent_patches";
  if (r.latent_selection == LatentSelection::kCam) {
    rule(r.latent_patches.empty(), field, "must be [] with latent_selection \"cam\"");
  } else {
    rule(!r.latent_patches.empty(), field,
         "must list at least one patch with latent_selection \"fixed\"");
    std::set<int> seen;
    for (int patch : r.latent_patches) {
      rule(patch >= 0 && patch < config.patch_count(), field, "patch ", patch,
           " does not exist; there are ", config.patch_count());
      rule(seen.insert(patch).second, field, "patch ", patch, " comes twice");
    }
  }
  for (int width : r.latent_widths) size(width, "recogniser.latent_widths");
  product(config.latent_length(), r.latent_widths[0], "recogniser.latent_widths");
  for (int width : r.joint_widths) size(width, "recogniser.joint_widths");
}

void check(const RecogniserConfig& r) {
  size(r.image_size, "recogniser.image_size", kMaxImage);
  for (int width : r.widths) size(width, "recogniser.widths");
  for (int blocks : r.blocks) size(blocks, "recogniser.blocks", kMaxDepth);
  size(r.heads, "recogniser.heads", kMaxCount);
  size(r.channel_width, "recogniser.channel_width");
  size(r.spatial_width, "recogniser.spatial_width");
}

}  // namespace

int RecogniserConfig::feature_size() const {
  int side = image_size;
  for (int halving = 0; halving < 5; ++halving) side = (side + 1) / 2;
  return side;
}

std::optional<int> tap_index(std::string_view tap, int depth) {
  if (tap == "norm") return depth;
  if (!tap.starts_with("block") || tap.size() != 7) return std::nullopt;
  int block = 0;
  const auto [end, error] = std::from_chars(tap.data() + 5, tap.data() + 7, block);
  if (error != std::errc() || end != tap.data() + 7 || block < 0 || block >= depth)
    return std::nullopt;
  return block;
}

void validate(const Config& config) {
  rule(!config.name.empty() && config.name.size() <= 64, "name", "must have from 1 to 64 bytes");
  size(config.image_size, "image_size", kMaxImage);
  size(config.patch_size, "patch_size", kMaxImage);
  rule(config.image_size % config.patch_size == 0, "image_size",
       "must be a multiple of patch_size ", config.patch_size, ", not ", config.image_size);
  rule(config.patch_rows() <= kMaxPatches / config.patch_columns(), "patch_size",
       "makes more than ", kMaxPatches, " patches");
  for (std::size_t c = 0; c < 3; ++c) {
    rule(std::isfinite(config.mean[c]), "mean", "must be finite");
    rule(std::isfinite(config.std[c]) && config.std[c] > 0, "std", "must be above 0");
  }
  check(config.encoder, "encoder");
  check(config.decoder, "decoder");
  product(config.patch_values(), config.encoder.width, "patch_size");
  product(config.patch_values(), config.decoder.width, "patch_size");
  if (config.detector.encoder) {
    check(*config.detector.encoder, "detector.encoder");
    product(config.patch_values(), config.detector.encoder->width, "patch_size");
  }
  const std::vector<SphereConfig>& spheres = config.detector.spheres;
  rule(spheres.size() <= kMaxCount, "detector.spheres", "must list at most ", kMaxCount,
       " spheres");
  for (std::size_t k = 0; k < spheres.size(); ++k)
    check(spheres[k], config.detector_encoder(), config.patch_count(),
          message("detector.spheres[", k, "]"));
  rule(config.detector.smoothing >= 0 && config.detector.smoothing <= 1.0 / 3,
       "detector.smoothing", "must be from 0 to 1/3, not ", config.detector.smoothing);
  if (config.unet) check(*config.unet);
  check(config.recogniser);
  check_latents(config);
}

}  // namespace ofer
