#include <nlohmann/json.hpp>
#include <utility>

#include "engine/error.h"
#include "weights/config.h"
#include "weights/json_fields.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

using OrderedJson = nlohmann::ordered_json;

using Fields = JsonFields;

constexpr const char* kWhat = "configuration";

constexpr JsonNames<SphereKind> kSphereKinds = {{SphereKind::kDeep, "deep"},
                                                {SphereKind::kKernel, "kernel"}};
constexpr JsonNames<SelfAssemblyVariant> kSelfAssemblies = {
    {SelfAssemblyVariant::kPaper, "paper"}, {SelfAssemblyVariant::kReleased, "released"}};
constexpr JsonNames<LatentSource> kLatentSources = {{LatentSource::kDecoderNorm, "decoder_norm"},
                                                    {LatentSource::kEncoderNorm, "encoder_norm"}};
constexpr JsonNames<LatentSelection> kLatentSelections = {{LatentSelection::kFixed, "fixed"},
                                                          {LatentSelection::kCam, "cam"}};
constexpr JsonNames<HeadOrder> kHeadOrders = {{HeadOrder::kChannelFirst, "channel_first"},
                                              {HeadOrder::kSpatialFirst, "spatial_first"}};
constexpr JsonNames<RecogniserStructure> kStructures = {{RecogniserStructure::kLayers, "layers"},
                                                        {RecogniserStructure::kFolded, "folded"}};

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
  const JsonValue& spheres = fields.value("spheres");
  if (!spheres.is_list()) fields.bad(fields.path_of("spheres"), "must be a list");
  for (std::size_t k = 0; k < spheres.list().size(); ++k)
    detector.spheres.push_back(
        read_sphere(fields.within(spheres.list()[k],
                                  message(fields.path_of("spheres"), "[", k, "]"))));
  // Files from before there was one have none.
  if (fields.has("smoothing")) fields.get("smoothing", detector.smoothing);
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
  const JsonValue document = parse_strict_json(text, kWhat);
  Config config;
  Fields fields(document, kWhat);
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
  OrderedJson detector = {{"encoder", nullptr},
                          {"spheres", std::move(spheres)},
                          {"smoothing", config.detector.smoothing}};
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
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::kBadArgument, kWhat, ": a text in it is not UTF-8");
  }
}

}  // namespace ofer
