// `ofer convert`: sizes, names, forms, folds, and what does not fit.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "engine/half.h"
#include "tests/support/command.h"
#include "tests/support/error_of.h"
#include "tests/support/published.h"
#include "weights/convert.h"

namespace ofer {
namespace {

using test::error_of;
using test::FerSize;
using test::has;
using test::Published;
using test::TemporaryFolder;
using test::VitSize;

constexpr VitSize kBase{768, 12, 3072, 16, 196, 512, 8, 2048};
// A grid of 14 x 14, so that the published list of patches fits, and the rest small.
constexpr VitSize kSmall{192, 2, 24, 2, 196, 8, 1, 12};
const FerSize kSmallFer{.widths = {4, 6, 8, 10},
                        .blocks = 1,
                        .heads = 2,
                        .channel = 3,
                        .spatial = 5,
                        .latents = 78 * 8,
                        .hidden = {12, 11, 9, 6},
                        .joint = {7, 5}};

Conversion::Input input(SourceKind kind, const Published& source) {
  return {kind, &source, "memory"};
}
ConvertOptions options(JsonSettings settings = {}) {
  ConvertOptions result;
  result.settings = std::move(settings);
  return result;
}
ConvertOptions small_options() {
  return options({{"decoder.heads", "2"}});
}

// One small conversion of everything, for what differs in one thing.
struct Sources {
  Published mae = test::mae(kSmall), unet = test::released_unet(4, 2),
            fer = test::released_fer(kSmallFer), spheres = test::deep_sphere(192, {6, 4});

  std::vector<Conversion::Input> inputs() const {
    return {input(SourceKind::kMae, mae), input(SourceKind::kUNet, unet),
            input(SourceKind::kFer, fer), input(SourceKind::kSpheres, spheres)};
  }
};

bool any_has(const std::vector<std::string>& lines, const std::string& text) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return has(line, text); });
}

std::vector<float> values_of(const LoadedWeights& weights, const std::string& name) {
  const Tensor tensor = weights.model->find(name);
  const float* data = tensor.data<float>();
  return {data, data + tensor.elements()};
}

bool same(const std::vector<float>& ours, const Published& source, const std::string& theirs) {
  const CheckpointTensor* tensor = source.find(theirs);
  REQUIRE_MESSAGE(tensor, theirs);
  REQUIRE(tensor->shape.elements() == static_cast<std::int64_t>(ours.size()));
  for (std::size_t i = 0; i < ours.size(); ++i)
    if (double{ours[i]} != source.value(theirs, static_cast<std::int64_t>(i))) return false;
  return true;
}

}  // namespace

TEST_SUITE("convert") {
  TEST_CASE("the published sizes are read off the shapes, without reading a number") {
    const Published mae = test::mae(kBase), unet = test::released_unet(8, 64),
                    fer = test::released_fer();
    const Conversion conversion({input(SourceKind::kFer, fer), input(SourceKind::kMae, mae),
                                 input(SourceKind::kUNet, unet)},
                                options());
    Config expected = builtin_config("base");
    expected.name = "converted";
    expected.unet->self_assembly = SelfAssemblyVariant::kReleased;
    expected.unet->flip_channels = true;
    expected.detector.spheres.clear();
    CHECK(conversion.info().config == expected);
    CHECK(conversion.problems().empty());
    CHECK(mae.reads() + unet.reads() + fer.reads() == 0);
    const auto& assumed = conversion.report().assumed;
    for (const char* field :
         {"encoder.heads = 12", "decoder.heads = 16", "decoder.norm_pix_loss = false",
          "unet.image_size = 256", "unet.self_assembly = released", "unet.flip_channels = true",
          "recogniser.latent_patches", "recogniser.image_size = 224", "labels = "})
      CHECK_MESSAGE(any_has(assumed, field), field);
    // 474.7 million, as published; the counters are not used.
    std::int64_t numbers = 0;
    for (const CheckpointTensor& tensor : fer.tensors())
      if (tensor.numeric && !tensor.name.ends_with("running_mean") &&
          !tensor.name.ends_with("running_var"))
        numbers += tensor.shape.elements();
    CHECK(numbers == doctest::Approx(474.7e6).epsilon(1e-3));
    CHECK(conversion.report().sources[0].left_out.size() == 1 + 19 + 4 * 5 + 4);
  }

  TEST_CASE("ViT-L and ViT-H, a detector's encoder of its own, both namings") {
    const VitSize large{1024, 24, 4096, 16, 196, 512, 8, 2048};
    const VitSize huge{1280, 32, 5120, 14, 256, 512, 8, 2048};
    for (const VitSize& size : {large, huge})
      for (const Published& source : {test::mae(size), test::hugging_face_mae(size)}) {
        ConvertOptions how = options({{"recogniser.latent_patches", "[0]"}});
        how.fill_seed = 1;
        const Conversion conversion({input(SourceKind::kMae, source)}, how);
        const Config& config = conversion.info().config;
        CHECK(config.encoder.width == size.width);
        CHECK(config.encoder.depth == size.depth);
        CHECK(config.encoder.heads == 16);
        CHECK(config.encoder.mlp_width == size.mlp);
        CHECK(config.decoder.width == 512);
        CHECK(config.decoder.heads == 16);
        CHECK(config.patch_size == size.patch);
        CHECK(config.image_size == 224);
        CHECK(conversion.problems().empty());
      }
    const Published mae = test::mae(kSmall);
    const VitSize other{384, 3, 20, 2, 196};
    for (const Published& source :
         {test::timm_encoder(other), test::hugging_face_encoder(other, ""),
          test::hugging_face_encoder(other, "vit.")}) {
      ConvertOptions how = small_options();
      how.fill_seed = 1;
      const Conversion conversion(
          {input(SourceKind::kMae, mae), input(SourceKind::kVitEncoder, source)}, how);
      REQUIRE(conversion.info().config.detector.encoder);
      CHECK(*conversion.info().config.detector.encoder ==
            EncoderConfig{.width = 384, .depth = 3, .heads = 6, .mlp_width = 20});
      CHECK(conversion.problems().empty());
      for (const std::string& name : conversion.report().filled)
        CHECK(name.starts_with("recogniser."));
    }
  }

  TEST_CASE("every number is where its layer looks for it") {
    const TemporaryFolder folder;
    const Sources sources;
    ConvertOptions how = small_options();
    how.keep_structure = true;
    Conversion conversion(sources.inputs(), how);
    conversion.write(folder / "w.safetensors");
    const LoadedWeights got = load_weights(folder / "w.safetensors");
    CHECK(got.trained);
    CHECK(got.config.recogniser.structure == RecogniserStructure::kLayers);
    const std::pair<const char*, const char*> in_mae[] = {
        {"mae.encoder.class_token", "cls_token"},
        {"mae.encoder.position", "pos_embed"},
        {"mae.encoder.patch.weight", "patch_embed.proj.weight"},
        {"mae.encoder.block01.qkv.bias", "blocks.1.attn.qkv.bias"},
        {"mae.encoder.block00.down.weight", "blocks.0.mlp.fc2.weight"},
        {"mae.decoder.block00.projection.weight", "decoder_blocks.0.attn.proj.weight"},
        {"mae.decoder.mask_token", "mask_token"},
        {"mae.decoder.predict.bias", "decoder_pred.bias"}};
    for (const auto& [ours, theirs] : in_mae)
      CHECK_MESSAGE(same(values_of(got, ours), sources.mae, theirs), ours);
    const std::string level2 = "model.model.1.model.6.model.", level3 = level2 + "6.model.",
                      level4 = level3 + "8.model.";
    const std::pair<const char*, std::string> in_unet[] = {
        {"unet.level0.in.weight", "model.model.0.weight"},
        {"unet.level0.out.bias", "model.model.3.bias"},
        {"unet.level1.down.weight", "model.model.1.model.1.weight"},
        {"unet.level1.up_norm.bias", "model.model.1.model.12.bias"},
        {"unet.level2.in_norm.weight", level2 + "5.weight"},
        {"unet.level3.in.weight", level3 + "4.weight"},
        {"unet.level3.in_norm.weight", level3 + "7.weight"},
        {"unet.level3.out.weight", level3 + "11.weight"},
        {"unet.level3.up_norm.weight", level3 + "15.weight"},
        {"unet.level4.down.weight", level4 + "1.weight"},
        {"unet.level4.up.weight", level4 + "3.weight"},
        {"unet.level4.up_norm.bias", level4 + "4.bias"}};
    for (const auto& [ours, theirs] : in_unet)
      CHECK_MESSAGE(same(values_of(got, ours), sources.unet, theirs), ours);
    const std::pair<const char*, const char*> in_fer[] = {
        {"recogniser.stem.bn.variance", "features.1.running_var"},
        {"recogniser.stage1.block0.conv2.weight", "features.4.0.conv2.weight"},
        {"recogniser.stage4.block0.shortcut.bn.mean", "features.7.0.downsample.1.running_mean"},
        {"recogniser.head1.channel.up.bias", "cat_head1.ca.attention.3.bias"},
        {"recogniser.head0.spatial.conv1x3.weight", "cat_head0.sa.conv_1x3.0.weight"},
        {"recogniser.head0.spatial.bn3x1.weight", "cat_head0.sa.conv_3x1.1.weight"},
        {"recogniser.classifier.latent1.weight", "hh_layer.weight"},
        {"recogniser.classifier.latent_bn4.mean", "batch_norm1.running_mean"},
        {"recogniser.classifier.joint1.bias", "fc.bias"},
        {"recogniser.classifier.joint2.weight", "fc2.weight"},
        {"recogniser.classifier.joint_bn2.bias", "batch_norm.bias"},
        {"recogniser.classifier.joint3.weight", "fc4.weight"},
        {"recogniser.classifier.joint_bn3.variance", "bn.running_var"}};
    for (const auto& [ours, theirs] : in_fer)
      CHECK_MESSAGE(same(values_of(got, ours), sources.fer, theirs), ours);
    CHECK(same(values_of(got, "detector.sphere0.phi1.weight"), sources.spheres, "phi1.weight"));
    CHECK(same(values_of(got, "detector.sphere0.radius"), sources.spheres, "radius"));
    // Theirs has the features in front of the latents, ours behind.
    const std::vector<float> joint = values_of(got, "recogniser.classifier.joint1.weight");
    constexpr std::int64_t kFeatures = 10, kLatents = 6, kBoth = 16;
    for (std::int64_t row = 0; row < 7; ++row)
      for (std::int64_t i = 0; i < kBoth; ++i) {
        const std::int64_t theirs = i < kFeatures ? kLatents + i : i - kFeatures;
        CHECK(double{joint[static_cast<std::size_t>(row * kBoth + theirs)]} ==
              sources.fer.value("fc.weight", row * kBoth + i));
      }
  }

  TEST_CASE("query, key and value are stacked, over the edges of what is read at once") {
    const TemporaryFolder folder;
    VitSize size = kSmall;
    size.width = 384;  // 3 x 384 x 384 floats: more than one piece of 1 MiB
    size.depth = 1;
    const Published source = test::hugging_face_mae(size);
    ConvertOptions how = options({{"decoder.heads", "2"}});
    how.fill_seed = 3;
    how.keep_structure = true;
    how.config = builtin_config("small");
    how.config->image_size = 28;
    how.config->patch_size = 2;
    how.config->encoder = {.width = 384, .depth = 1, .heads = 6, .mlp_width = 24};
    static_cast<EncoderConfig&>(how.config->decoder) = {8, 1, 2, 12};
    how.config->detector = {};
    how.config->unet.reset();
    Conversion conversion({input(SourceKind::kMae, source)}, how);
    conversion.write(folder / "w");
    const LoadedWeights got = load_weights(folder / "w");
    CHECK_FALSE(got.trained);
    const std::vector<float> qkv = values_of(got, "mae.encoder.block00.qkv.weight");
    REQUIRE(qkv.size() == 3 * 384 * 384);
    const std::string layer = "vit.encoder.layer.0.attention.attention.";
    constexpr std::int64_t kEach = 384 * 384;
    bool equal = true;
    for (std::int64_t i = 0; i < 3 * kEach; ++i) {
      const char* part = i < kEach ? "query" : i < 2 * kEach ? "key" : "value";
      equal = equal && double{qkv[static_cast<std::size_t>(i)]} ==
                           source.value(layer + part + ".weight", i % kEach);
    }
    CHECK(equal);
    // What no source gives is what `ofer init` draws.
    write_initial_weights(got.config, 3, folder / "init");
    const LoadedWeights drawn = load_weights(folder / "init");
    CHECK(values_of(got, "recogniser.stem.conv.weight") ==
          values_of(drawn, "recogniser.stem.conv.weight"));
    CHECK(values_of(got, "mae.encoder.norm.bias") != values_of(drawn, "mae.encoder.norm.bias"));
  }

  TEST_CASE("DAN: its logits are those of its features, whatever the latents are") {
    const TemporaryFolder folder;
    FerSize size = kSmallFer;
    size.classes = 8;
    const Published mae = test::mae(kSmall), dan = test::dan(size);
    ConvertOptions how = small_options();
    how.labels = {"a", "b", "c", "d", "e", "f", "g", "h"};
    Conversion conversion({input(SourceKind::kMae, mae), input(SourceKind::kDan, dan)}, how);
    REQUIRE(conversion.problems().empty());
    conversion.write(folder / "w");
    const LoadedWeights got = load_weights(folder / "w");
    CHECK(got.labels == how.labels);
    for (const float v : values_of(got, "recogniser.classifier.latent.weight")) CHECK(v == 0);
    // bn(fc x + b), multiplied out here.
    const std::vector<float> matrix = values_of(got, "recogniser.classifier.features.weight");
    const std::vector<float> bias = values_of(got, "recogniser.classifier.bias");
    for (std::int64_t c = 0; c < 8; ++c) {
      const double scale =
          dan.value("bn.weight", c) / std::sqrt(dan.value("bn.running_var", c) + 1e-5);
      for (std::int64_t i = 0; i < 10; ++i)
        CHECK(double{matrix[static_cast<std::size_t>(c * 10 + i)]} ==
              doctest::Approx(scale * dan.value("fc.weight", c * 10 + i)).epsilon(1e-6));
      CHECK(double{bias[static_cast<std::size_t>(c)]} ==
            doctest::Approx(scale * (dan.value("fc.bias", c) - dan.value("bn.running_mean", c)) +
                            dan.value("bn.bias", c))
                .epsilon(1e-6));
    }
  }

  TEST_CASE("ResNet-18 gives the features, spheres of every kind the detector") {
    const Published mae = test::mae(kSmall), resnet = test::resnet18(kSmallFer);
    ConvertOptions how = small_options();
    how.fill_seed = 1;
    const Conversion start({input(SourceKind::kMae, mae), input(SourceKind::kResNet, resnet)}, how);
    CHECK(start.problems().empty());
    CHECK(start.info().config.recogniser.widths == std::array<int, 4>{4, 6, 8, 10});
    CHECK(start.info().config.recogniser.blocks == std::array<int, 4>{1, 1, 1, 1});
    CHECK_FALSE(start.info().trained);
    CHECK(any_has(start.report().sources[1].left_out, "fc.weight"));

    const auto spheres_of = [&](const Published& spheres, JsonSettings settings = {}) {
      settings["decoder.heads"] = "2";
      ConvertOptions fill = options(std::move(settings));
      fill.fill_seed = 1;
      const Conversion conversion(
          {input(SourceKind::kMae, mae), input(SourceKind::kSpheres, spheres)}, fill);
      REQUIRE(conversion.problems().empty());
      return conversion.info().config.detector.spheres;
    };
    const SphereConfig deep = spheres_of(test::deep_sphere(192, {6, 4})).at(0);
    CHECK(deep.widths == std::vector<int>{6, 4});
    CHECK(deep.taps == std::vector<std::string>{"norm"});
    CHECK_FALSE(deep.by_position);
    Published kernel("svdd.safetensors");
    kernel.add("support", {3, 192});
    kernel.add("alpha", {3});
    kernel.add("radius", {1});
    kernel.add("gamma", {});  // safetensors knows no plain numbers
    kernel.plant("gamma", 0, 0.125);
    CHECK(spheres_of(kernel).at(0).gamma == 0.125);
    kernel.drop("gamma");
    CHECK(has(error_of([&] { spheres_of(kernel); }), "--set detector.spheres.0.gamma=..."));

    Published several("svdd.pth");
    several.add("sphere0.phi0.weight", {196, 5, 384});
    several.add("sphere0.center", {196, 5});
    several.add("sphere0.radius", {196});
    several.add("sphere1.support", {3, 192});
    several.add("sphere1.alpha", {3});
    several.say("sphere1.gamma", 0.25);
    several.say("sphere1.radius", 0.5);  // a plain number beside the tensors
    const auto two = spheres_of(several, {{"detector.spheres.0.taps", "[\"block00\", \"norm\"]"}});
    REQUIRE(two.size() == 2);
    CHECK(two[0].by_position);
    CHECK(two[0].taps.size() == 2);
    CHECK(two[1].kind == SphereKind::kKernel);
    CHECK(two[1].gamma == 0.25);
    CHECK(has(error_of([&] { spheres_of(several); }), "--set detector.spheres.0.taps=..."));
  }

  TEST_CASE("what is missing, misshapen, unused or given twice is told by name") {
    const TemporaryFolder folder;
    Sources s;
    s.mae.drop("blocks.1.mlp.fc1.bias");
    s.fer.reshape("hh_layer3.weight", {9, 999});
    s.fer.add("surplus.weight", {3});
    s.fer.reshape("cat_head1.sa.conv_1x3.0.weight", {10, 5, 3, 1});
    s.unet.drop("model.model.1.model.12.bias");
    s.unet.add("model.model.1.model.12.bias", {2}, "I64");
    {
      Conversion conversion(s.inputs(), small_options());
      const ConvertProblems& p = conversion.problems();
      REQUIRE(p.missing.size() == 1);
      CHECK(p.missing[0] == "mae.encoder.block01.up.bias (\"blocks.1.mlp.fc1.bias\" of mae.pth)");
      REQUIRE(p.misshapen.size() == 3);
      CHECK(any_has(p.misshapen,
                    "latent3.weight (\"hh_layer3.weight\" is [9, 999] instead of "
                    "[9, 11] in fer.pth)"));
      CHECK(any_has(p.misshapen, "\"cat_head1.sa.conv_1x3.0.weight\" is [10, 5, 3, 1]"));
      CHECK(any_has(p.misshapen, "has elements of type I64"));
      REQUIRE(p.unused.size() == 1);
      CHECK(p.unused[0] == "\"surplus.weight\" of fer.pth");
      CHECK(has(error_of([&] { conversion.write(folder / "w"); }),
                "1 tensors missing, 3 misshapen, 0 given twice, 1 unused"));
      CHECK_FALSE(std::filesystem::exists(folder / "w"));
    }
    ConvertOptions allowed = small_options();
    allowed.allow_unused = true;
    const Conversion lenient(s.inputs(), allowed);
    CHECK(lenient.problems().unused.empty());
    CHECK(any_has(lenient.report().sources[2].left_out, "surplus.weight"));

    const Published resnet = test::resnet18(kSmallFer);
    Sources whole;
    std::vector<Conversion::Input> inputs = whole.inputs();
    inputs.push_back(input(SourceKind::kResNet, resnet));
    const Conversion twice(inputs, small_options());
    CHECK(any_has(twice.problems().twice, "recogniser.stem.conv.weight"));

    // The whole U-Net of one level more, an encoder of other positions.
    const Published deeper = test::released_unet(5, 2),
                    wider = test::timm_encoder({192, 2, 24, 2, 25});
    inputs = whole.inputs();
    inputs[1].source = &deeper;
    ConvertOptions given = small_options();
    given.config = Conversion(whole.inputs(), small_options()).info().config;
    CHECK(Conversion(whole.inputs(), given).problems().empty());
    CHECK_FALSE(Conversion(inputs, given).problems().misshapen.empty());
    CHECK_FALSE(Conversion(inputs, given).problems().unused.empty());
    inputs = whole.inputs();
    inputs.push_back(input(SourceKind::kVitEncoder, wider));
    CHECK(any_has(Conversion(inputs, small_options()).problems().misshapen,
                  "detector.encoder.position"));
  }

  TEST_CASE("a checkpoint of another model is told what it looks like") {
    const Sources s;
    const Published encoder = test::timm_encoder(kSmall), dan = test::dan(kSmallFer);
    const auto refused = [](SourceKind kind, const Published& source) {
      return error_of([&] { Conversion({input(kind, source)}, small_options()); });
    };
    CHECK(has(refused(SourceKind::kMae, encoder), "looks like a ViT encoder (--vit-encoder)"));
    CHECK(has(refused(SourceKind::kUNet, s.mae), "looks like a masked autoencoder (MAE) (--mae)"));
    CHECK(has(refused(SourceKind::kFer, dan), "looks like DAN (--dan)"));
    CHECK(has(refused(SourceKind::kResNet, s.fer), "looks like the released FER network (--fer)"));
    Published nothing("x.pth");
    nothing.add("weight", {1});
    CHECK(has(refused(SourceKind::kMae, nothing), "its first tensor is \"weight\""));
    // The FER network has all that DAN has, and more: that would be lost.
    const Conversion lossy({input(SourceKind::kMae, s.mae), input(SourceKind::kDan, s.fer)}, [] {
      ConvertOptions how = small_options();
      how.labels = {"a", "b", "c", "d", "e", "f", "g"};
      return how;
    }());
    CHECK(any_has(lossy.problems().unused, "\"hh_layer.weight\" of fer.pth"));
  }

  TEST_CASE("options that cannot be") {
    const Sources s;
    const Published dan = test::dan(kSmallFer);
    const auto refused = [&](std::vector<Conversion::Input> inputs, ConvertOptions how) {
      return error_of([&] { Conversion(std::move(inputs), std::move(how)); });
    };
    CHECK(has(refused({}, options()), "no source"));
    std::vector<Conversion::Input> both = s.inputs();
    both.push_back(input(SourceKind::kDan, dan));
    CHECK(has(refused(both, small_options()), "two recognisers"));
    both = s.inputs();
    both.push_back(both[0]);
    CHECK(has(refused(both, small_options()), "--mae: given twice"));
    CHECK(has(refused(s.inputs(), options()), "--set decoder.heads=..."));
    CHECK(has(refused(s.inputs(), options({{"decoder.heads", "3"}})), "decoder.heads"));
    CHECK(has(refused(s.inputs(), options({{"decoder.heads", "two"}})), "decoder.heads"));
    CHECK(has(refused(s.inputs(), options({{"decoder.heads", "2"}, {"decoder.hands", "2"}})),
              "no field \"decoder.hands\""));
    CHECK(has(refused(s.inputs(), options({{"decoder.heads", "2"}, {"mean.x", "2"}})), "no field"));
    ConvertOptions few = small_options();
    few.labels = {"a", "b"};
    CHECK(has(refused(s.inputs(), few), "--labels: 2 names for a recogniser of 7 classes"));
    FerSize nine = kSmallFer;
    nine.classes = 9;
    Sources of_nine;
    of_nine.fer = test::released_fer(nine);
    CHECK(has(refused(of_nine.inputs(), small_options()), "9 classes; name them with --labels"));
    FerSize odd = kSmallFer;
    odd.latents = 30 * 8;
    Sources of_thirty;
    of_thirty.fer = test::released_fer(odd);
    CHECK(has(refused(of_thirty.inputs(), small_options()), "--set recogniser.latent_patches=..."));
    odd.latents = 196 * 8;
    Sources of_all;
    of_all.fer = test::released_fer(odd);
    const Conversion cam(of_all.inputs(), small_options());
    CHECK(cam.info().config.recogniser.latent_selection == LatentSelection::kCam);
    CHECK(cam.problems().empty());
    // Without a part: the U-Net and the detector may be left out, the others not.
    const Conversion bare({s.inputs()[0], s.inputs()[2]}, small_options());
    CHECK(bare.problems().empty());
    CHECK_FALSE(bare.info().config.unet);
    const Conversion headless({s.inputs()[0]}, small_options());
    CHECK(any_has(headless.problems().missing, "recogniser.stem.conv.weight (--fer or --dan)"));
  }

  TEST_CASE("numbers that no file should hold") {
    const TemporaryFolder folder;
    const auto refused = [&](const char* tensor, double value, DType dtype, bool keep) {
      Sources s;
      (s.fer.find(tensor) ? s.fer : s.mae).plant(tensor, 1, value);
      ConvertOptions how = small_options();
      how.dtype = dtype;
      how.keep_structure = keep;
      Conversion conversion(s.inputs(), how);
      const std::string said = error_of([&] { conversion.write(folder / "w"); });
      CHECK_FALSE(std::filesystem::exists(folder / "w"));
      CHECK(std::filesystem::is_empty(folder / "."));
      return said;
    };
    for (const bool keep : {false, true})
      for (const double value : {double{NAN}, double{INFINITY}})
        CHECK(has(refused("hh_layer2.weight", value, DType::kF32, keep),
                  "fer.pth: tensor \"hh_layer2.weight\" holds"));
    CHECK(has(refused("blocks.0.norm1.bias", 7e4, DType::kF16, false), "out of f16's range"));
    CHECK(has(refused("blocks.0.norm1.bias", 1e39, DType::kF32, false), "out of f32's range"));
  }

  TEST_CASE("f16 and bf16: every half is found again, ties go to even") {
    int wrong = 0;
    for (int bits = 0; bits < 65536; ++bits) {
      const auto half = static_cast<std::uint16_t>(bits);
      const float wide = f16_to_float(half);
      const std::uint16_t back = float_to_f16(wide);
      if (std::isnan(wide))
        wrong += !std::isnan(f16_to_float(back));
      else
        wrong += back != half;
      // Half way to the next one: the even of both; a little further: the next.
      if (std::isfinite(wide) && (bits & 0x7fff) < 0x7bff) {
        const auto next = static_cast<std::uint16_t>(bits + 1);
        const float middle = 0.5f * (wide + f16_to_float(next));
        wrong += float_to_f16(middle) != (bits & 1 ? next : half);
        wrong += float_to_f16(std::nextafter(middle, f16_to_float(next))) != next;
        wrong += float_to_f16(std::nextafter(middle, wide)) != half;
      }
    }
    CHECK(wrong == 0);
    CHECK(std::isinf(f16_to_float(float_to_f16(65520.0f))));
    CHECK(f16_to_float(float_to_f16(std::nextafter(65520.0f, 0.0f))) == 65504.0f);

    const TemporaryFolder folder;
    const Sources s;
    for (const DType dtype : {DType::kF16, DType::kBF16}) {
      ConvertOptions how = small_options();
      how.dtype = dtype;
      Conversion conversion(s.inputs(), how);
      conversion.write(folder / "w");
      const LoadedWeights got = load_weights(folder / "w");
      const Tensor tensor = got.model->find("mae.encoder.norm.bias");
      CHECK(tensor.dtype() == dtype);
      const auto model = got.model->cast(DType::kF32);
      const Tensor wide = model->find("mae.encoder.norm.bias");
      for (std::int64_t i = 0; i < wide.elements(); ++i) {
        const double exact = s.mae.value("norm.bias", i);
        CHECK(std::fabs(double{wide.data<float>()[i]} - exact) <=
              std::fabs(exact) * (dtype == DType::kF16 ? 0x1p-11 : 0x1p-8));
      }
    }
  }
}

}  // namespace ofer
