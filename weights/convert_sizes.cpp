#include "weights/convert_sizes.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/error.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

constexpr int kLargest = 65536;  // of any width (weights/config.cpp)
constexpr int kMost = 100;       // of anything that is counted by its names

// The shapes of one source, by our names (weights/source_names.h).
class Shapes {
 public:
  explicit Shapes(const NamedSource& named) : source_(*named.source), table_(*named.table) {}

  const ConvertSource& source() const { return source_; }

  bool has(std::string_view ours, const Places& places = {}) const {
    const std::string theirs = their_name(table_, ours, places);
    return !theirs.empty() && source_.find(theirs) != nullptr;
  }

  // Of so many axes, but for extents of 1 in front of them.
  std::vector<int> of(std::string_view ours, int rank, const Places& places = {}) const {
    const std::string theirs = their_name(table_, ours, places);
    const CheckpointTensor* tensor = source_.find(theirs);
    require(tensor != nullptr, ErrorCode::kBadFile, source_.name(), ": lacks tensor ",
            printable(theirs), ", which tells the model's size");
    const Shape& shape = tensor->shape;
    bool good = shape.rank() >= rank;
    for (int axis = 0; good && axis < shape.rank() - rank; ++axis) good = shape[axis] == 1;
    std::vector<int> extents;
    for (int axis = shape.rank() - rank; good && axis < shape.rank(); ++axis) {
      good = shape[axis] >= 1 && shape[axis] <= kLargest;
      extents.push_back(static_cast<int>(shape[axis]));
    }
    require(good, ErrorCode::kBadFile, source_.name(), ": tensor ", printable(theirs), " is ",
            shape, "; ", rank, " axes from 1 to ", kLargest, " are expected");
    return extents;
  }

  // Its first axis.
  int rows(std::string_view ours, int rank, const Places& places = {}) const {
    return of(ours, rank, places)[0];
  }
  int rank(std::string_view ours, const Places& places = {}) const {
    const CheckpointTensor* tensor = source_.find(their_name(table_, ours, places));
    return tensor ? tensor->shape.rank() : 0;
  }

  // How many there are of what `letter` counts.
  int count(std::string_view ours, char letter, Places places = {}, int first = 0) const {
    for (int number = first; number < first + kMost; ++number) {
      places[letter] = number;
      if (!has(ours, places)) return number - first;
    }
    fail(ErrorCode::kBadFile, source_.name(), ": more than ", kMost, " layers of one kind");
  }

 private:
  const ConvertSource& source_;
  const NameTable& table_;
};

class Reader {
 public:
  explicit Reader(const JsonSettings& settings) : settings_(settings) {
    sizes_.config = builtin_config("base");
    sizes_.config.name = "converted";
    sizes_.config.unet.reset();
    sizes_.config.detector = {};
    sizes_.config.recogniser.structure = RecogniserStructure::kLayers;
    sizes_.classes = 7;
  }

  ConvertSizes read(std::vector<NamedSource> sources) {
    // Later ones look at what earlier ones told.
    std::sort(sources.begin(), sources.end(), [](const NamedSource& a, const NamedSource& b) {
      return a.table->kind < b.table->kind;
    });
    for (const NamedSource& named : sources) read(Shapes(named), named.table->kind);
    check_patches();
    for (const std::string& path : unknown_)
      require(settings_.contains(path), ErrorCode::kBadArgument,
              "no shape and no published model tells ", path, "; say it with --set ", path, "=...");
    sizes_.config = with_settings(sizes_.config, settings_);
    return std::move(sizes_);
  }

 private:
  void read(const Shapes& shapes, SourceKind kind) {
    switch (kind) {
      case SourceKind::kMae:
        return read_autoencoder(shapes);
      case SourceKind::kVitEncoder:
        sizes_.config.detector.encoder.emplace();
        return read_encoder(shapes, "detector.encoder.", "detector.encoder",
                            *sizes_.config.detector.encoder);
      case SourceKind::kUNet:
        return read_unet(shapes);
      case SourceKind::kFer:
        read_features(shapes);
        read_heads(shapes);
        return read_classifier(shapes);
      case SourceKind::kDan:
        read_features(shapes);
        read_heads(shapes);
        return read_classifier_of_dan(shapes);
      case SourceKind::kResNet:
        return read_features(shapes);
      case SourceKind::kSpheres:
        return read_spheres(shapes);
    }
  }

  // The published list is one of a grid of 14 x 14; without a classifier nothing tells another.
  void check_patches() {
    std::vector<int>& patches = sizes_.config.recogniser.latent_patches;
    const int count = sizes_.config.patch_count();
    if (std::all_of(patches.begin(), patches.end(), [&](int patch) { return patch < count; }))
      return;
    patches = {0};
    unknown_.push_back("recogniser.latent_patches");
  }

  // A field that no shape tells.
  template <class Value>
  void assume(const std::string& path, const Value& value, const std::string& why) {
    if (!settings_.contains(path))
      sizes_.assumed.push_back(message(path, " = ", value, " (", why, ")"));
  }

  void read_encoder(const Shapes& s, const std::string& ours, const std::string& field,
                    EncoderConfig& vit) {
    Config& config = sizes_.config;
    const std::vector<int> patch = s.of(ours + "patch.weight", 4);
    vit.width = patch[0];
    vit.depth = s.count(ours + "block{ee}.norm1.weight", 'e');
    vit.mlp_width = s.rows(ours + "block{ee}.up.weight", 2, {{'e', 0}});
    read_heads_of(vit, field);
    if (grid_known_) return;
    const int positions = s.rows(ours + "position", 2) - 1;
    const int side = static_cast<int>(std::lround(std::sqrt(positions)));
    require(side >= 1 && side * side == positions, ErrorCode::kBadFile, s.source().name(), ": has ",
            positions + 1, " positions, which are no square of patches and a class token");
    config.patch_size = patch[3];
    require(config.patch_size <= kLargest / side, ErrorCode::kBadFile, s.source().name(), ": ",
            positions, " patches of ", config.patch_size, " pixels are too large an image");
    config.image_size = side * config.patch_size;
    grid_known_ = true;
  }

  // Published transformers by their width: ViT-Ti, S, B, L, H.
  void read_heads_of(EncoderConfig& vit, const std::string& field) {
    const std::string path = field + ".heads";
    constexpr std::pair<int, int> kPublished[] = {
        {192, 3}, {384, 6}, {768, 12}, {1024, 16}, {1280, 16}};
    for (const auto& [width, heads] : kPublished)
      if (vit.width == width) {
        vit.heads = heads;
        return assume(path, heads, message("the published model of width ", width));
      }
    vit.heads = 1;
    unknown_.push_back(path);
  }

  void read_autoencoder(const Shapes& s) {
    Config& config = sizes_.config;
    read_encoder(s, "mae.encoder.", "encoder", config.encoder);
    DecoderConfig& decoder = config.decoder;
    decoder.width = s.rows("mae.decoder.embed.weight", 2);
    decoder.depth = s.count("mae.decoder.block{dd}.norm1.weight", 'd');
    decoder.mlp_width = s.rows("mae.decoder.block{dd}.up.weight", 2, {{'d', 0}});
    if (decoder.width == 512) {
      decoder.heads = 16;
      assume("decoder.heads", 16, "every published decoder");
    } else {
      decoder.heads = 1;
      unknown_.push_back("decoder.heads");
    }
    decoder.norm_pix_loss = false;
    assume("decoder.norm_pix_loss", "false", "it predicts pixels as they are");
  }

  void read_unet(const Shapes& s) {
    UNetConfig unet;
    unet.width = std::max(1, s.rows("unet.level0.in.weight", 4) / 2);
    unet.levels = s.count("unet.level{n}.down.weight", 'n', {}, 1);
    require(unet.levels >= 4 && unet.levels <= 12, ErrorCode::kBadFile, s.source().name(), ": has ",
            unet.levels, " levels; a U-Net with a self-assembly has from 4 to 12");
    unet.image_size = 1 << unet.levels;
    unet.self_assembly = SelfAssemblyVariant::kReleased;
    unet.flip_channels = true;
    assume("unet.image_size", unet.image_size, "one position at the innermost level, as published");
    assume("unet.self_assembly", "released", "what checkpoints of this form were trained with");
    assume("unet.flip_channels", "true", "what checkpoints of this form were trained with");
    assume("unet.composite", "false", "as published");
    sizes_.config.unet = unet;
  }

  void read_features(const Shapes& s) {
    RecogniserConfig& r = sizes_.config.recogniser;
    r.widths[0] = s.rows("recogniser.stem.conv.weight", 4);
    for (int stage = 1; stage <= 4; ++stage) {
      const auto i = static_cast<std::size_t>(stage - 1);
      const Places places{{'s', stage}, {'j', 0}};
      r.widths[i] = s.rows("recogniser.stage{s}.block{j}.conv1.weight", 4, places);
      r.blocks[i] = s.count("recogniser.stage{s}.block{j}.conv1.weight", 'j', places);
    }
    r.image_size = sizes_.config.image_size;
    assume("recogniser.image_size", r.image_size, "the ViT's");
  }

  void read_heads(const Shapes& s) {
    RecogniserConfig& r = sizes_.config.recogniser;
    r.heads = s.count("recogniser.head{h}.channel.down.weight", 'h');
    r.channel_width = s.rows("recogniser.head{h}.channel.down.weight", 2, {{'h', 0}});
    r.spatial_width = s.rows("recogniser.head{h}.spatial.conv1x1.weight", 4, {{'h', 0}});
  }

  void read_classifier(const Shapes& s) {
    RecogniserConfig& r = sizes_.config.recogniser;
    const std::string ours = "recogniser.classifier.";
    for (std::size_t i = 0; i < 4; ++i)
      r.latent_widths[i] = s.rows(message(ours, "latent", i + 1, ".weight"), 2);
    for (std::size_t i = 0; i < 2; ++i)
      r.joint_widths[i] = s.rows(message(ours, "joint", i + 1, ".weight"), 2);
    sizes_.classes = s.rows(ours + "joint3.weight", 2);
    const auto source = settings_.find("recogniser.latent_source");
    if (source != settings_.end() && source->second.find("encoder_norm") != std::string::npos)
      r.latent_source = LatentSource::kEncoderNorm;  // decides how long one latent is
    assume("recogniser.latent_source", "decoder_norm", "as published");
    read_latents(s.of(ours + "latent1.weight", 2)[1]);
  }

  // How many patches the classifier sees, and which.
  void read_latents(int length) {
    RecogniserConfig& r = sizes_.config.recogniser;
    const std::string path = "recogniser.latent_patches";
    const int published = static_cast<int>(r.latent_patches.size());
    const int grid = sizes_.config.patch_rows();
    const int patches = length / std::max(1, sizes_.config.latent_width());
    if (patches == published && grid == 14) return assume(path, "the list of 78", "as published");
    r.latent_patches.clear();
    if (patches == sizes_.config.patch_count()) {
      r.latent_selection = LatentSelection::kCam;
      return assume("recogniser.latent_selection", "cam", "the classifier sees every patch");
    }
    r.latent_patches.resize(static_cast<std::size_t>(std::clamp(patches, 1, grid * grid)));
    std::iota(r.latent_patches.begin(), r.latent_patches.end(), 0);
    unknown_.push_back(path);
  }

  // DAN knows no latents: the branch is as small as one can be, and zero.
  void read_classifier_of_dan(const Shapes& s) {
    RecogniserConfig& r = sizes_.config.recogniser;
    const int classes = s.rows("recogniser.classifier.joint1.weight", 2);
    sizes_.classes = classes;
    r.latent_widths = {1, 1, 1, 1};
    r.joint_widths = {classes, classes};
    r.head_order = HeadOrder::kSpatialFirst;
    r.latent_patches = {0};
    assume("recogniser.latent_patches", "[0]", "the latent branch's weights are zero");
  }

  void read_spheres(const Shapes& s) {
    std::vector<SphereConfig>& spheres = sizes_.config.detector.spheres;
    const bool several =
        s.source().find("center") == nullptr && s.source().find("support") == nullptr;
    for (int k = 0; k < kMost; ++k) {
      const Places deep{{'k', k}, {'p', 0}}, kernel{{'g', k}};
      if (s.has("detector.sphere{k}.phi{p}.weight", deep))
        spheres.push_back(deep_sphere(s, k, several));
      else if (s.has("detector.sphere{g}.support", kernel))
        spheres.push_back(kernel_sphere(s, k, several));
      else
        break;
      if (!several) break;
    }
  }

  static std::string field_of(int sphere, const char* field) {
    return message("detector.spheres.", sphere, ".", field);
  }

  // A number that comes with a sphere, as a plain one or as a tensor of one element.
  static std::optional<double> setting_of(const Shapes& s, int k, const char* field, bool several) {
    const std::string name = several ? message("sphere", k, ".", field) : field;
    if (const std::optional<double> number = s.source().number(name)) return number;
    const CheckpointTensor* tensor = s.source().find(name);
    if (!tensor || !tensor->numeric || tensor->shape.elements() != 1) return std::nullopt;
    double value = 0;
    s.source().read(*tensor, 0, std::span(&value, 1));
    return value;
  }

  SphereConfig deep_sphere(const Shapes& s, int k, bool several) {
    SphereConfig sphere;
    const std::string_view phi = "detector.sphere{k}.phi{p}.weight";
    const Places first{{'k', k}, {'p', 0}};
    sphere.kind = SphereKind::kDeep;
    sphere.by_position = s.rank(phi, first) == 3;
    const int rank = sphere.by_position ? 3 : 2;
    const int maps = s.count(phi, 'p', first);
    for (int p = 0; p < maps; ++p)
      sphere.widths.push_back(s.of(phi, rank, {{'k', k}, {'p', p}})[rank - 2]);
    sphere.slope = 0.01;
    if (const std::optional<double> slope = setting_of(s, k, "slope", several))
      sphere.slope = *slope;
    else if (maps > 1)
      assume(field_of(k, "slope"), "0.01", "PyTorch's own leaky ReLU");
    read_taps(sphere, k, s.of(phi, rank, first)[rank - 1]);
    return sphere;
  }

  SphereConfig kernel_sphere(const Shapes& s, int k, bool several) {
    SphereConfig sphere;
    const std::string_view support = "detector.sphere{g}.support";
    const Places place{{'g', k}};
    sphere.kind = SphereKind::kKernel;
    sphere.by_position = s.rank(support, place) == 3;
    const std::vector<int> shape = s.of(support, sphere.by_position ? 3 : 2, place);
    sphere.support = shape[shape.size() - 2];
    if (const std::optional<double> gamma = setting_of(s, k, "gamma", several)) {
      sphere.gamma = *gamma;
    } else {
      sphere.gamma = 1;
      unknown_.push_back(field_of(k, "gamma"));
    }
    read_taps(sphere, k, shape.back());
    return sphere;
  }

  void read_taps(SphereConfig& sphere, int k, int latent_width) {
    sphere.taps = {"norm"};
    if (latent_width == sizes_.config.detector_encoder().width)
      assume(field_of(k, "taps"), "[\"norm\"]", "as wide as one encoder output");
    else
      unknown_.push_back(field_of(k, "taps"));
  }

  const JsonSettings& settings_;
  ConvertSizes sizes_;
  bool grid_known_ = false;
  std::vector<std::string> unknown_;  // fields that have to be set
};

}  // namespace

ConvertSizes read_sizes(const std::vector<NamedSource>& sources, const JsonSettings& settings) {
  return Reader(settings).read(sources);
}

}  // namespace ofer
