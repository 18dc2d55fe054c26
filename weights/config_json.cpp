#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "engine/error.h"
#include "weights/config.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

using nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

// The names of a switch's values in the JSON.
template <class Enum>
using Names = std::initializer_list<std::pair<Enum, const char*>>;

constexpr Names<SphereKind> kSphereKinds = {{SphereKind::kDeep, "deep"},
                                            {SphereKind::kKernel, "kernel"}};
constexpr Names<SelfAssemblyVariant> kSelfAssemblies = {
    {SelfAssemblyVariant::kPaper, "paper"}, {SelfAssemblyVariant::kReleased, "released"}};
constexpr Names<LatentSource> kLatentSources = {{LatentSource::kDecoderNorm, "decoder_norm"},
                                                {LatentSource::kEncoderNorm, "encoder_norm"}};
constexpr Names<LatentSelection> kLatentSelections = {{LatentSelection::kFixed, "fixed"},
                                                      {LatentSelection::kCam, "cam"}};
constexpr Names<HeadOrder> kHeadOrders = {{HeadOrder::kChannelFirst, "channel_first"},
                                          {HeadOrder::kSpatialFirst, "spatial_first"}};
constexpr Names<RecogniserStructure> kStructures = {{RecogniserStructure::kLayers, "layers"},
                                                    {RecogniserStructure::kFolded, "folded"}};

template <class Enum>
const char* name_in(const Names<Enum>& names, Enum value) {
  for (const auto& [known, name] : names)
    if (known == value) return name;
  OFER_ASSERT(!"a switch without a name");
}

[[noreturn]] void bad(const std::string& path, const std::string& what) {
  fail(ErrorCode::kBadArgument, "configuration: ", path, path.empty() ? "" : ": ", what);
}

// From one JSON value to one field. `path` names it in errors.
void read(const json& value, int& field, const std::string& path) {
  if (!value.is_number_integer()) bad(path, "must be a whole number");
  constexpr auto kLargest = std::numeric_limits<int>::max();
  // Negative numbers are kept as signed, all others as unsigned; each is compared in its own type.
  const bool fits = value.is_number_unsigned()
                        ? value.get<std::uint64_t>() <= std::uint64_t{kLargest}
                        : value.get<std::int64_t>() >= std::numeric_limits<int>::min();
  if (!fits) bad(path, "is too large");
  field = value.get<int>();
}

void read(const json& value, double& field, const std::string& path) {
  if (!value.is_number()) bad(path, "must be a number");
  field = value.get<double>();
}

void read(const json& value, bool& field, const std::string& path) {
  if (!value.is_boolean()) bad(path, "must be true or false");
  field = value.get<bool>();
}

void read(const json& value, std::string& field, const std::string& path) {
  if (!value.is_string()) bad(path, "must be a string");
  field = value.get<std::string>();
}

template <class T>
void read(const json& value, std::vector<T>& field, const std::string& path) {
  if (!value.is_array()) bad(path, "must be a list");
  field.clear();
  for (const json& element : value)
    read(element, field.emplace_back(), message(path, "[", field.size() - 1, "]"));
}

template <class T, std::size_t N>
void read(const json& value, std::array<T, N>& field, const std::string& path) {
  if (!value.is_array() || value.size() != N) bad(path, message("must be a list of ", N));
  for (std::size_t i = 0; i < N; ++i) read(value[i], field[i], message(path, "[", i, "]"));
}

// One JSON object whose fields are asked for by name. finish() refuses the ones nobody asked for.
class Fields {
 public:
  Fields(const json& object, std::string path) : object_(object), path_(std::move(path)) {
    if (!object.is_object()) bad(path_, "must be an object");
  }

  const json& value(const char* name) {
    const auto found = object_.find(name);
    if (found == object_.end()) bad(path_of(name), "is missing");
    asked_.insert(name);
    return *found;
  }

  template <class T>
  Fields& get(const char* name, T& field) {
    read(value(name), field, path_of(name));
    return *this;
  }

  template <class Enum>
  Fields& get(const char* name, Enum& field, const Names<Enum>& names) {
    std::string text, known;
    read(value(name), text, path_of(name));
    for (const auto& [candidate, candidate_name] : names) {
      if (text == candidate_name) {
        field = candidate;
        return *this;
      }
      known += (known.empty() ? "\"" : " or \"") + std::string(candidate_name) + "\"";
    }
    bad(path_of(name), "must be " + known + ", not " + printable(text));
  }

  bool has(const char* name) const { return object_.contains(name); }
  Fields object(const char* name) { return Fields(value(name), path_of(name)); }

  std::string path_of(const char* name) const { return path_.empty() ? name : path_ + "." + name; }

  void finish() const {
    for (const auto& [key, unused] : object_.items())
      if (!asked_.count(key)) bad(path_, "unknown field " + printable(key));
  }

 private:
  const json& object_;
  std::string path_;
  std::set<std::string> asked_;
};

Fields& get_vit(Fields& fields, EncoderConfig& vit) {
  return fields.get("width", vit.width)
      .get("depth", vit.depth)
      .get("heads", vit.heads)
      .get("mlp_width", vit.mlp_width);
}

SphereConfig read_sphere(Fields fields) {
  SphereConfig sphere;
  fields.get("kind", sphere.kind, kSphereKinds)
      .get("taps", sphere.taps)
      .get("by_position", sphere.by_position)
      .get("weight", sphere.weight);
  if (sphere.kind == SphereKind::kDeep)
    fields.get("widths", sphere.widths).get("slope", sphere.slope);
  else
    fields.get("support", sphere.support).get("gamma", sphere.gamma);
  fields.finish();
  return sphere;
}

void read_detector(Fields fields, DetectorConfig& detector) {
  if (!fields.value("encoder").is_null()) {
    Fields encoder = fields.object("encoder");
    get_vit(encoder, detector.encoder.emplace()).finish();
  }
  const json& spheres = fields.value("spheres");
  if (!spheres.is_array()) bad(fields.path_of("spheres"), "must be a list");
  for (std::size_t k = 0; k < spheres.size(); ++k)
    detector.spheres.push_back(
        read_sphere(Fields(spheres[k], message(fields.path_of("spheres"), "[", k, "]"))));
  fields.finish();
}

void read_unet(Fields fields, UNetConfig& unet) {
  fields.get("image_size", unet.image_size)
      .get("levels", unet.levels)
      .get("width", unet.width)
      .get("self_assembly", unet.self_assembly, kSelfAssemblies)
      .get("flip_channels", unet.flip_channels)
      .get("composite", unet.composite)
      .finish();
}

void read_recogniser(Fields fields, RecogniserConfig& recogniser) {
  if (fields.has("head_order")) fields.get("head_order", recogniser.head_order, kHeadOrders);
  fields.get("image_size", recogniser.image_size)
      .get("widths", recogniser.widths)
      .get("blocks", recogniser.blocks)
      .get("heads", recogniser.heads)
      .get("channel_width", recogniser.channel_width)
      .get("spatial_width", recogniser.spatial_width)
      .get("latent_source", recogniser.latent_source, kLatentSources)
      .get("latent_selection", recogniser.latent_selection, kLatentSelections)
      .get("latent_patches", recogniser.latent_patches)
      .get("latent_widths", recogniser.latent_widths)
      .get("joint_widths", recogniser.joint_widths)
      .get("structure", recogniser.structure, kStructures)
      .finish();
}

OrderedJson vit_json(const EncoderConfig& vit) {
  return {{"width", vit.width},
          {"depth", vit.depth},
          {"heads", vit.heads},
          {"mlp_width", vit.mlp_width}};
}

OrderedJson sphere_json(const SphereConfig& sphere) {
  OrderedJson object = {{"kind", name_in(kSphereKinds, sphere.kind)}, {"taps", sphere.taps}};
  if (sphere.kind == SphereKind::kDeep) {
    object["widths"] = sphere.widths;
    object["slope"] = sphere.slope;
  } else {
    object["support"] = sphere.support;
    object["gamma"] = sphere.gamma;
  }
  object["by_position"] = sphere.by_position;
  object["weight"] = sphere.weight;
  return object;
}

OrderedJson unet_json(const UNetConfig& unet) {
  return {{"image_size", unet.image_size},
          {"levels", unet.levels},
          {"width", unet.width},
          {"self_assembly", name_in(kSelfAssemblies, unet.self_assembly)},
          {"flip_channels", unet.flip_channels},
          {"composite", unet.composite}};
}

OrderedJson recogniser_json(const RecogniserConfig& recogniser) {
  return {{"image_size", recogniser.image_size},
          {"widths", recogniser.widths},
          {"blocks", recogniser.blocks},
          {"heads", recogniser.heads},
          {"channel_width", recogniser.channel_width},
          {"spatial_width", recogniser.spatial_width},
          {"head_order", name_in(kHeadOrders, recogniser.head_order)},
          {"latent_source", name_in(kLatentSources, recogniser.latent_source)},
          {"latent_selection", name_in(kLatentSelections, recogniser.latent_selection)},
          {"latent_patches", recogniser.latent_patches},
          {"latent_widths", recogniser.latent_widths},
          {"joint_widths", recogniser.joint_widths},
          {"structure", name_in(kStructures, recogniser.structure)}};
}

}  // namespace

Config parse_config(std::string_view text) {
  const json document = parse_strict_json(text, "configuration");
  Config config;
  Fields fields(document, "");
  fields.get("name", config.name)
      .get("image_size", config.image_size)
      .get("patch_size", config.patch_size)
      .get("mean", config.mean)
      .get("std", config.std);
  Fields encoder = fields.object("encoder");
  get_vit(encoder, config.encoder).finish();
  Fields decoder = fields.object("decoder");
  get_vit(decoder, config.decoder).get("norm_pix_loss", config.decoder.norm_pix_loss).finish();
  read_detector(fields.object("detector"), config.detector);
  if (!fields.value("unet").is_null()) read_unet(fields.object("unet"), config.unet.emplace());
  read_recogniser(fields.object("recogniser"), config.recogniser);
  fields.finish();
  validate(config);
  return config;
}

std::string to_json(const Config& config) {
  OrderedJson spheres = OrderedJson::array();
  for (const SphereConfig& sphere : config.detector.spheres) spheres.push_back(sphere_json(sphere));
  OrderedJson decoder = vit_json(config.decoder);
  decoder["norm_pix_loss"] = config.decoder.norm_pix_loss;
  OrderedJson detector = {{"encoder", nullptr}, {"spheres", std::move(spheres)}};
  if (config.detector.encoder) detector["encoder"] = vit_json(*config.detector.encoder);
  OrderedJson document = {{"name", config.name},
                          {"image_size", config.image_size},
                          {"patch_size", config.patch_size},
                          {"mean", config.mean},
                          {"std", config.std},
                          {"encoder", vit_json(config.encoder)},
                          {"decoder", std::move(decoder)},
                          {"detector", std::move(detector)},
                          {"unet", nullptr},
                          {"recogniser", recogniser_json(config.recogniser)}};
  if (config.unet) document["unet"] = unet_json(*config.unet);
  try {
    return document.dump(2);
  } catch (const json::exception&) {
    bad("", "a text in it is not UTF-8");
  }
}

}  // namespace ofer
