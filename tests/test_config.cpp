#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "tests/support/error_of.h"
#include "weights/config.h"
#include "weights/tensor_table.h"

using namespace ofer;
using nlohmann::json;
using test::error_of;
using test::has;

namespace {

json base_json() {
  return json::parse(to_json(builtin_config("base")));
}

// The error for "base" with the value at a JSON pointer replaced, "" when it is still valid.
std::string error_with(const char* pointer, const json& value) {
  json document = base_json();
  document[json::json_pointer(pointer)] = value;
  return error_of([&] { parse_config(document.dump()); });
}

std::string error_without(const char* object, const char* field) {
  json document = base_json();
  document[json::json_pointer(object)].erase(field);
  return error_of([&] { parse_config(document.dump()); });
}

std::string error_for(const std::string& text) {
  return error_of([&] { parse_config(text); });
}

Shape shape_of(const Config& config, const std::string& name) {
  for (const TensorSpec& spec : tensor_table(config, 7))
    if (spec.name == name) return spec.shape;
  return {-1};  // throws: no such tensor
}

bool has_tensor(const Config& config, const std::string& name) {
  for (const TensorSpec& spec : tensor_table(config, 7))
    if (spec.name == name) return true;
  return false;
}

}  // namespace

TEST_SUITE("config") {
  TEST_CASE("built-in configurations are valid and survive the way through JSON") {
    for (const char* name : {"base", "small"}) {
      const Config config = builtin_config(name);
      CHECK(config.name == name);
      CHECK(error_of([&] { validate(config); }) == "");
      CHECK(parse_config(to_json(config)) == config);
    }
    CHECK(has(error_of([] { builtin_config("big"); }), "bad argument: no built-in configuration"));
  }

  TEST_CASE("every configuration of the reference survives the way through JSON") {
    int count = 0;
    for (const auto& file :
         std::filesystem::directory_iterator(OFER_SOURCE_DIR "/tools/reference/configs")) {
      std::ifstream in(file.path());
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      const Config config = parse_config(text);
      json written = json::parse(text);
      // What they are where they are not said.
      written["detector"].emplace("smoothing", 0.0);
      written["recogniser"].emplace("head_order", "channel_first");
      CHECK(json::parse(to_json(config)) == written);
      if (file.path().filename() == "base.json") CHECK(config == builtin_config("base"));
      ++count;
    }
    CHECK(count >= 5);
  }

  TEST_CASE("sizes that follow from base") {
    const Config base = builtin_config("base");
    CHECK(base.patch_rows() == 14);
    CHECK(base.patch_columns() == 14);
    CHECK(base.patch_count() == 196);
    CHECK(base.patch_values() == 768);
    CHECK(base.encoder.head_width() == 64);
    CHECK(base.latent_count() == 78);
    CHECK(base.latent_width() == 512);
    CHECK(base.latent_length() == 39936);
    CHECK(base.recogniser.latent_patches.front() == 46);
    CHECK(base.recogniser.latent_patches.back() == 177);
    CHECK(base.recogniser.feature_size() == 7);
    CHECK(builtin_config("small").recogniser.feature_size() == 4);
    Config cam = base;
    cam.recogniser.latent_selection = LatentSelection::kCam;
    cam.recogniser.latent_patches.clear();
    cam.recogniser.latent_source = LatentSource::kEncoderNorm;
    CHECK(cam.latent_length() == 196 * 768);
  }

  TEST_CASE("U-Net widths") {
    const UNetConfig unet = *builtin_config("base").unet;
    const int input[] = {128, 256, 512, 512, 512}, convolved[] = {256, 512, 1024, 512, 512};
    const int output[] = {256, 512, 512, 512, 512}, skip[] = {64, 128, 256, 512, 512};
    const int up[] = {64, 128, 256, 512, 512};
    for (int i = 1; i <= 5; ++i) {
      CHECK(unet.input_width(i) == input[i - 1]);
      CHECK(unet.convolved_width(i) == convolved[i - 1]);
      CHECK(unet.output_width(i) == output[i - 1]);
      CHECK(unet.skip_width(i) == skip[i - 1]);
      CHECK(unet.up_width(i) == up[i - 1]);
      CHECK(unet.level_size(i) == 256 >> i);
      // What goes down from one level comes into the next.
      CHECK(unet.output_width(i) == unet.input_width(i + 1));
    }
    const int joined[] = {128, 256, 512, 1024, 1024};
    for (int i = 0; i <= 4; ++i) CHECK(unet.joined_width(i) == joined[i]);
  }

  TEST_CASE("taps") {
    CHECK(tap_index("norm", 6) == 6);
    CHECK(tap_index("block00", 6) == 0);
    CHECK(tap_index("block05", 6) == 5);
    for (const char* tap : {"block06", "block6", "block-1", "block+1", "block 1", "block1x",
                            "block", "Norm", "", "block001"})
      CHECK(!tap_index(tap, 6).has_value());
  }

  TEST_CASE("fields that are missing, unknown or there twice") {
    CHECK(has(error_without("", "patch_size"), "configuration: patch_size: is missing"));
    CHECK(has(error_without("/encoder", "heads"), "configuration: encoder.heads: is missing"));
    CHECK(has(error_without("/detector/spheres/0", "slope"), "detector.spheres[0].slope: is mis"));
    CHECK(has(error_without("/unet", "composite"), "unet.composite: is missing"));
    CHECK(has(error_without("", "unet"), "unet: is missing"));
    CHECK(has(error_without("/detector", "encoder"), "detector.encoder: is missing"));
    CHECK(has(error_with("/encoder/dropout", 0.1), "encoder: unknown field \"dropout\""));
    CHECK(has(error_with("/extra", 1), "configuration: unknown field \"extra\""));
    CHECK(has(error_with("/detector/spheres/0/gamma", 1.0), "unknown field \"gamma\""));
    CHECK(has(error_for("{\"name\":\"a\",\"name\":\"b\"}"), "\"name\" comes twice"));
  }

  TEST_CASE("text that is no configuration") {
    CHECK(has(error_for(""), "not valid JSON"));
    CHECK(has(error_for("{"), "not valid JSON"));
    CHECK(has(error_for("[1]"), "must be an object"));
    CHECK(has(error_for("null"), "must be an object"));
    CHECK(has(error_for("{\"name\":\"\xff\"}"), "not valid JSON"));
    CHECK(has(error_for(std::string("{}\0", 3)), "zero byte"));
    CHECK(has(error_for("{\"name\":" + std::string(100'000, '[')), "nested deeper"));
    CHECK(has(error_for(std::string(2 << 20, ' ')), "longer than 1 MiB"));
    CHECK(has(error_for("{\"image_size\":1e999}"), "not valid JSON"));
  }

  TEST_CASE("wrong types") {
    CHECK(has(error_with("/image_size", "224"), "image_size: must be a whole number"));
    CHECK(has(error_with("/image_size", 224.0), "image_size: must be a whole number"));
    CHECK(has(error_with("/image_size", true), "image_size: must be a whole number"));
    CHECK(has(error_with("/image_size", nullptr), "image_size: must be a whole number"));
    CHECK(has(error_with("/image_size", 1ull << 63), "image_size: is too large"));
    CHECK(has(error_with("/image_size", (1ll << 32) + 224), "image_size: is too large"));
    CHECK(has(error_with("/image_size", -(1ll << 40)), "image_size: is too large"));
    CHECK(has(error_with("/name", 1), "name: must be a string"));
    CHECK(has(error_with("/mean", {0.1, 0.2}), "mean: must be a list of 3"));
    CHECK(has(error_with("/std/1", "x"), "std[1]: must be a number"));
    CHECK(has(error_with("/encoder", 1), "encoder: must be an object"));
    CHECK(has(error_with("/decoder/norm_pix_loss", 0), "norm_pix_loss: must be true or false"));
    CHECK(has(error_with("/detector/spheres", 1), "detector.spheres: must be a list"));
    CHECK(has(error_with("/detector/spheres/0/taps", "norm"), "taps: must be a list"));
    CHECK(has(error_with("/detector/spheres/0/kind", "round"),
              "kind: must be \"deep\" or \"kernel\", not \"round\""));
    CHECK(has(error_with("/recogniser/widths", {1, 2, 3}), "widths: must be a list of 4"));
    CHECK(has(error_with("/recogniser/structure", "flat"), "must be \"layers\" or \"folded\""));
  }

  TEST_CASE("sizes that make no model") {
    CHECK(has(error_with("/image_size", 220), "image_size: must be a multiple of patch_size 16"));
    CHECK(has(error_with("/image_size", 0), "image_size: must be from 1 to"));
    CHECK(has(error_with("/image_size", -16), "image_size: must be from 1 to"));
    CHECK(has(error_with("/patch_size", 0), "patch_size: must be from 1 to"));
    CHECK(has(error_with("/encoder/heads", 7), "encoder.heads: must divide width 768"));
    CHECK(has(error_with("/encoder/heads", 0), "encoder.heads: must be from 1"));
    CHECK(has(error_with("/encoder/depth", 101), "encoder.depth: must be from 1 to 100"));
    CHECK(has(error_with("/encoder/width", 1 << 20), "encoder.width: must be from 1"));
    CHECK(has(error_with("/decoder/width", 0), "decoder.width: must be from 1"));
    CHECK(has(error_with("/std/0", 0), "std: must be above 0"));
    CHECK(has(error_with("/name", ""), "name: must have"));
    CHECK(has(error_with("/unet/image_size", 250), "unet.image_size: must be divisible by 2^8"));
    CHECK(has(error_with("/unet/levels", 3), "unet.levels: must be from 4 to 12"));
    CHECK(has(error_with("/unet/levels", 40), "unet.levels: must be from 4 to 12"));
    CHECK(has(error_with("/recogniser/blocks/2", 0), "recogniser.blocks: must be from 1"));
    // Large, but a size that a file can have.
    CHECK(error_with("/recogniser/latent_widths/0", 65536) == "");
    json odd = base_json();
    odd["encoder"]["width"] = 774;
    odd["encoder"]["heads"] = 6;
    CHECK(has(error_of([&] { parse_config(odd.dump()); }), "must be divisible by 4"));
    json fine = base_json();  // more patches than can be
    fine["image_size"] = 8192;
    fine["patch_size"] = 1;
    CHECK(has(error_of([&] { parse_config(fine.dump()); }), "makes more than 65536 patches"));
    json wide = base_json();  // each size is allowed, the product is not
    wide["recogniser"]["latent_selection"] = "cam";
    wide["recogniser"]["latent_patches"] = json::array();
    wide["image_size"] = 4096;
    wide["recogniser"]["latent_widths"] = {65536, 65536, 1, 1};
    CHECK(has(error_of([&] { parse_config(wide.dump()); }), "too large"));
  }

  TEST_CASE("the order of a head's attentions may be left out") {
    json document = base_json();
    document["recogniser"]["head_order"] = "spatial_first";
    CHECK(parse_config(document.dump()).recogniser.head_order == HeadOrder::kSpatialFirst);
    document["recogniser"].erase("head_order");
    CHECK(parse_config(document.dump()).recogniser.head_order == HeadOrder::kChannelFirst);
    CHECK(has(error_with("/recogniser/head_order", "both"), "\"channel_first\" or"));
  }

  TEST_CASE("detector") {
    CHECK(error_with("/detector/spheres", json::array()) == "");  // a model without a detector
    CHECK(has(error_with("/detector/spheres/0/taps", {"block12"}), "\"block12\" is no output"));
    CHECK(error_with("/detector/spheres/0/taps", {"block11", "norm"}) == "");
    CHECK(has(error_with("/detector/spheres/0/taps", json::array()), "taps: must list"));
    CHECK(has(error_with("/detector/spheres/0/widths", json::array()), "widths: must list"));
    CHECK(has(error_with("/detector/spheres/0/slope", -0.1), "slope: must be from 0 to 1"));
    CHECK(has(error_with("/detector/spheres/0/weight", 0), "weight: must be above 0"));
    CHECK(error_with("/detector/smoothing", 0.3333) == "");
    for (const double a : {-0.01, 0.34})
      CHECK(has(error_with("/detector/smoothing", a), "detector.smoothing: must be from 0 to 1/3"));
    CHECK(has(error_with("/detector/smoothing", "much"), "smoothing: must be a number"));
    json older = base_json();
    older["detector"].erase("smoothing");
    CHECK(parse_config(older.dump()).detector.smoothing == 0);
    json document = base_json();  // an encoder of its own decides which taps there are
    document["detector"]["encoder"] = {{"width", 32}, {"depth", 2}, {"heads", 2}, {"mlp_width", 8}};
    document["detector"]["spheres"][0] = {{"kind", "kernel"},    {"taps", {"block01", "norm"}},
                                          {"support", 5},        {"gamma", 0.5},
                                          {"by_position", true}, {"weight", 0.5}};
    const Config config = parse_config(document.dump());
    CHECK(config.detector_encoder().width == 32);
    CHECK(parse_config(to_json(config)) == config);
    CHECK(shape_of(config, "detector.encoder.block01.up.weight") == Shape{8, 32});
    CHECK(shape_of(config, "detector.sphere0.support") == Shape{196, 5, 64});
    CHECK(shape_of(config, "detector.sphere0.alpha") == Shape{196, 5});
    CHECK(shape_of(config, "detector.sphere0.radius") == Shape{196});
    CHECK(!has_tensor(config, "detector.sphere0.center"));
    document["detector"]["spheres"][0]["taps"] = {"block02"};
    CHECK(has(error_of([&] { parse_config(document.dump()); }), "\"block02\" is no output"));
    document["detector"]["spheres"][0]["taps"] = {"norm"};
    document["detector"]["spheres"][0]["gamma"] = 0;
    CHECK(has(error_of([&] { parse_config(document.dump()); }), "gamma: must be above 0"));
  }

  TEST_CASE("the recogniser's patches") {
    CHECK(has(error_with("/recogniser/latent_patches", json::array()), "at least one patch"));
    CHECK(has(error_with("/recogniser/latent_patches", {0, 196}), "patch 196 does not exist"));
    CHECK(has(error_with("/recogniser/latent_patches", {-1}), "patch -1 does not exist"));
    CHECK(has(error_with("/recogniser/latent_patches", {5, 5}), "patch 5 comes twice"));
    CHECK(has(error_with("/recogniser/latent_selection", "cam"), "must be [] with"));
  }

  TEST_CASE("no U-Net") {
    json document = base_json();
    document["unet"] = nullptr;
    const Config config = parse_config(document.dump());
    CHECK(!config.unet.has_value());
    CHECK(parse_config(to_json(config)) == config);
    CHECK(element_count(tensor_table(config, 7), "unet") == 0);
  }

  TEST_CASE("tensor table: published sizes, unique names, known shapes") {
    Config base = builtin_config("base");
    CHECK(element_count(tensor_table(base, 7), "unet.") == 86'479'363);
    CHECK(element_count(tensor_table(base, 7), "mae.encoder") == 85'798'656);
    CHECK(shape_of(base, "recogniser.classifier.latent.weight") == Shape{7, 39936});
    CHECK(shape_of(base, "recogniser.head3.spatial.conv3x3.weight") == Shape{512, 256, 3, 3});
    CHECK(has_tensor(base, "recogniser.stem.conv.bias"));
    CHECK(!has_tensor(base, "recogniser.stem.bn.mean"));
    base.recogniser.structure = RecogniserStructure::kLayers;
    const std::vector<TensorSpec> table = tensor_table(base, 7);
    CHECK(element_count(table, "recogniser") / 100'000 == 4747);                    // 474.7 M
    CHECK(element_count(table, "recogniser.classifier.latent") / 100'000 == 4547);  // 454.8 M
    CHECK(!has_tensor(base, "recogniser.stem.conv.bias"));
    CHECK(!has_tensor(base, "recogniser.stage1.block0.shortcut.conv.weight"));
    CHECK(shape_of(base, "recogniser.stage2.block0.shortcut.conv.weight") == Shape{128, 64, 1, 1});
    CHECK(shape_of(base, "recogniser.classifier.joint1.weight") == Shape{256, 768});
    CHECK(shape_of(base, "recogniser.classifier.joint_bn3.variance") == Shape{7});
    CHECK(shape_of(base, "recogniser.head0.spatial.conv1x3.weight") == Shape{512, 256, 1, 3});
    CHECK(shape_of(base, "unet.level0.in.weight") == Shape{128, 12, 3, 3});
    CHECK(shape_of(base, "unet.level3.in_norm.weight") == Shape{512});
    CHECK(shape_of(base, "unet.level0.out.weight") == Shape{128, 3, 3, 3});
    CHECK(!has_tensor(base, "unet.level8.down_norm.weight"));
    CHECK(shape_of(base, "unet.level8.up_norm.weight") == Shape{512});
    CHECK(shape_of(base, "mae.encoder.position") == Shape{197, 768});
    CHECK(shape_of(base, "detector.sphere0.phi1.weight") == Shape{32, 768});
    std::set<std::string> names;
    for (const TensorSpec& spec : table) CHECK(names.insert(spec.name).second);
    CHECK(has(error_of([&] { tensor_table(base, 0); }), "from 1 to 65536 classes"));
  }
}
