// Which tables there are, and how a source is known by its names.
#include "weights/source_tables.h"

#include <array>

#include "engine/error.h"

namespace ofer {
namespace {

constexpr NameSection kMaeSections[] = {{"mae.encoder.", "", kTimmEncoder},
                                        {"mae.decoder.", "", kMaeDecoder}};
constexpr NameSection kHuggingFaceMaeSections[] = {
    {"mae.encoder.", "vit.", kHuggingFaceEncoder},
    {"mae.decoder.", "decoder.", kHuggingFaceDecoder}};
constexpr NameSection kTimmSections[] = {{"detector.encoder.", "", kTimmEncoder}};
constexpr NameSection kHuggingFaceSections[] = {{"detector.encoder.", "", kHuggingFaceEncoder}};
constexpr NameSection kHuggingFaceInnerSections[] = {
    {"detector.encoder.", "vit.", kHuggingFaceEncoder}};
constexpr NameSection kUNetSections[] = {{"unet.", "", kReleasedUNet}};
constexpr NameSection kFerSections[] = {{"recogniser.", "", kSequenceResNet},
                                        {"recogniser.", "", kAttentionHeads},
                                        {"recogniser.classifier.", "", kFerClassifier}};
constexpr NameSection kDanSections[] = {{"recogniser.", "", kSequenceResNet},
                                        {"recogniser.", "", kAttentionHeads},
                                        {"recogniser.classifier.", "", kDanClassifier}};
constexpr NameSection kResNetSections[] = {{"recogniser.", "", kTorchvisionResNet}};
constexpr NameSection kOneSphereSections[] = {{"detector.", "", kOneSphere}};
constexpr NameSection kSeveralSpheresSections[] = {{"detector.", "", kSeveralSpheres}};

constexpr std::string_view kMaeSignature[] = {"patch_embed.proj.weight", "decoder_embed.weight"};
constexpr std::string_view kHuggingFaceMaeSignature[] = {
    "vit.embeddings.patch_embeddings.projection.weight", "decoder.decoder_embed.weight"};
constexpr std::string_view kTimmSignature[] = {"patch_embed.proj.weight"};
constexpr std::string_view kHuggingFaceSignature[] = {
    "embeddings.patch_embeddings.projection.weight"};
constexpr std::string_view kHuggingFaceInnerSignature[] = {
    "vit.embeddings.patch_embeddings.projection.weight"};
constexpr std::string_view kUNetSignature[] = {"model.model.0.weight", "model.model.3.weight"};
constexpr std::string_view kFerSignature[] = {"features.0.weight", "hh_layer.weight"};
constexpr std::string_view kDanSignature[] = {"features.0.weight", "fc.weight", "bn.weight"};
constexpr std::string_view kResNetSignature[] = {"conv1.weight", "layer1.0.conv1.weight"};
constexpr std::string_view kOneDeepSignature[] = {"phi0.weight", "center"};
constexpr std::string_view kOneKernelSignature[] = {"support", "alpha"};
constexpr std::string_view kSeveralDeepSignature[] = {"sphere0.phi0.weight"};
constexpr std::string_view kSeveralKernelSignature[] = {"sphere0.support"};

constexpr std::string_view kEncoderLeftOver[] = {"head.", "decoder_", "mask_token"};
constexpr std::string_view kHuggingFaceLeftOver[] = {"pooler.", "classifier.", "decoder.",
                                                     "embeddings.mask_token", "vit.pooler."};
constexpr std::string_view kResNetLeftOver[] = {"fc."};
// Read for the configuration.
constexpr std::string_view kOneSphereLeftOver[] = {"gamma", "slope"};
constexpr std::string_view kSeveralSpheresLeftOver[] = {"*.gamma", "*.slope"};

// A table that asks for more comes before one that asks for less.
constexpr NameTable kTables[] = {
    {SourceKind::kMae, "MAE's names", kMaeSections, kMaeSignature, {}},
    {SourceKind::kMae,
     "Hugging Face's names",
     kHuggingFaceMaeSections,
     kHuggingFaceMaeSignature,
     {}},
    {SourceKind::kVitEncoder, "timm's names", kTimmSections, kTimmSignature, kEncoderLeftOver},
    {SourceKind::kVitEncoder, "Hugging Face's names", kHuggingFaceSections, kHuggingFaceSignature,
     kHuggingFaceLeftOver},
    {SourceKind::kVitEncoder, "Hugging Face's names", kHuggingFaceInnerSections,
     kHuggingFaceInnerSignature, kHuggingFaceLeftOver},
    {SourceKind::kUNet, "the released names", kUNetSections, kUNetSignature, {}},
    {SourceKind::kFer, "the released names", kFerSections, kFerSignature, {}},
    {SourceKind::kDan, "DAN's names", kDanSections, kDanSignature, {}},
    {SourceKind::kResNet, "torchvision's names", kResNetSections, kResNetSignature,
     kResNetLeftOver},
    {SourceKind::kSpheres, "one sphere", kOneSphereSections, kOneDeepSignature, kOneSphereLeftOver},
    {SourceKind::kSpheres, "one sphere", kOneSphereSections, kOneKernelSignature,
     kOneSphereLeftOver},
    {SourceKind::kSpheres, "several spheres", kSeveralSpheresSections, kSeveralDeepSignature,
     kSeveralSpheresLeftOver},
    {SourceKind::kSpheres, "several spheres", kSeveralSpheresSections, kSeveralKernelSignature,
     kSeveralSpheresLeftOver},
};

struct KindName {
  std::string_view option, title;
};
// In the order of SourceKind.
constexpr std::array<KindName, kSourceKinds> kKinds = {{
    {"--mae", "a masked autoencoder (MAE)"},
    {"--vit-encoder", "a ViT encoder"},
    {"--unet", "the released U-Net"},
    {"--fer", "the released FER network"},
    {"--dan", "DAN"},
    {"--resnet", "a ResNet-18"},
    {"--svdd", "SVDD spheres"},
}};

}  // namespace

std::span<const NameTable> name_tables() {
  return kTables;
}

std::string_view option_of(SourceKind kind) {
  return kKinds[static_cast<std::size_t>(kind)].option;
}
std::string_view title_of(SourceKind kind) {
  return kKinds[static_cast<std::size_t>(kind)].title;
}

}  // namespace ofer
