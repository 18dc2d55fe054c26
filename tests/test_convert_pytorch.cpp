// Checkpoints that PyTorch wrote, as the published ones are wrapped, through `ofer convert` and
// `ofer verify`: every tap that forward hooks recorded in the published networks' stand-ins
// (tools/reference/stand_ins).
#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/support/command.h"
#include "tests/support/error_of.h"
#include "tests/support/reference_script.h"

namespace ofer::test {
namespace {

using nlohmann::ordered_json;

// A folder of checkpoints and the reference that belongs to them.
class Checkpoints {
 public:
  explicit Checkpoints(const Words& options) {
    Words arguments{"--threads", "1",
                    "--config",  OFER_SOURCE_DIR "/tools/reference/configs/tiny_released.json",
                    "-o",        (folder_ / "").string()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    run_reference_script("make_checkpoints.py", arguments);
  }

  std::string operator[](const std::string& name) const { return (folder_ / name).string(); }

  int entries() const { return folder_.entries(); }

  // `ofer convert` of the published parts. What no shape tells of sizes that nobody published is
  // set.
  Words words(const Words& more, const std::string& output) const {
    Words words{"convert",
                "--mae",
                (*this)["mae.pth"],
                "--unet",
                (*this)["unet.pth"],
                "--fer",
                (*this)["fer.pth"],
                "--svdd",
                (*this)["svdd.safetensors"],
                "--set",
                "encoder.heads=3",
                "--set",
                "decoder.heads=2",
                "--set",
                "unet.image_size=64",
                "--set",
                "recogniser.image_size=64",
                "-o",
                (*this)[output],
                "--set",
                "recogniser.latent_patches=[5,6,9,10,14]"};
    // `more` may say which patches.
    if (!more.empty() && has(more.back(), "latent_patches")) words.resize(words.size() - 2);
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  ordered_json convert(const Words& more, const std::string& output) const {
    const Ran ran = run_ofer(words(more, output));
    CAPTURE(ran.err);
    REQUIRE(ran.code == 0);
    return ran.json().at(0);
  }
  // The verdict, and how many taps were compared.
  ordered_json verify(const std::string& weights, int code, const Words& more = {}) const {
    Words words{"verify", "-m", (*this)[weights], (*this)["reference.safetensors"]};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = run_ofer(words);
    CAPTURE(ran.err);
    CAPTURE(ran.out.substr(0, 4000));
    CHECK(ran.code == code);
    REQUIRE_FALSE(ran.lines().empty());
    return ran.json().back();
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace

TEST_SUITE("convert_pytorch") {
  TEST_CASE("both serialisations, every tap: as layers and folded, in every float type") {
    Words options;
    std::string format = "PyTorch zip";
    SUBCASE("zip") {
      options = {"--seed", "1"};
    }
    SUBCASE("stream, names of parallel training, doubles") {
      options = {"--seed", "2", "--stream", "--module-prefix", "--double"};
      format = "PyTorch stream";
    }
    const Checkpoints checkpoints(options);
    const ordered_json report = checkpoints.convert({}, "folded");
    CHECK(report["sources"][0]["format"] == format);
    CHECK(report["configuration"]["encoder"]["depth"] == 2);
    CHECK(report["configuration"]["unet"]["levels"] == 5);
    CHECK(report["configuration"]["unet"]["self_assembly"] == "released");
    CHECK(report["configuration"]["recogniser"]["structure"] == "folded");
    CHECK(report["trained"] == true);
    REQUIRE(report["folds"].size() > 10);
    for (const ordered_json& fold : report["folds"]) {
      CHECK(fold["error_in_double"] < 1e-13);
      CHECK(fold["error_in_float"] < 1e-5);
    }
    checkpoints.convert({"--keep-structure"}, "layers");
    const ordered_json verdict = checkpoints.verify("layers", 0);
    CHECK(verdict["taps"] >= 60);
    CHECK(checkpoints.verify("folded", 0)["taps"] == verdict["taps"]);
    // The numbers are those of PyTorch to double precision, where there are no roundings of ours.
    if (format == "PyTorch zip")
      checkpoints.verify("layers", 0, {"--precision", "fp64", "--tolerance", "*=1e-9"});
    // A file of half the size is off by the rounding of its weights.
    checkpoints.convert({"--dtype", "bf16"}, "bf16");
    checkpoints.verify("bf16", 1);
    CHECK(std::filesystem::file_size(checkpoints["bf16"]) <
          0.6 * static_cast<double>(std::filesystem::file_size(checkpoints["folded"])));
  }

  TEST_CASE("what the converter is told wrongly, verify finds where it acts") {
    const Checkpoints checkpoints({"--seed", "3"});
    const auto first = [&](const Words& more) {
      checkpoints.convert(more, "w");
      return checkpoints.verify("w", 1)["first_diverging"].get<std::string>();
    };
    CHECK(first({"--set", "unet.flip_channels=false"}) == "reconstruct/unet/input");
    CHECK(first({"--set", "unet.self_assembly=paper"}) == "reconstruct/unet/assembly");
    CHECK(first({"--set", "recogniser.latent_patches=[6,5,9,10,14]"}) == "recognise/latent");
  }

  TEST_CASE("without a U-Net, without a detector: the model says what it has not") {
    const Checkpoints checkpoints({"--seed", "1", "--parts", "mae,fer"});
    const Ran ran = run_ofer(
        {"convert", "--mae", checkpoints["mae.pth"], "--fer", checkpoints["fer.pth"], "--set",
         "encoder.heads=3", "--set", "decoder.heads=2", "--set", "recogniser.image_size=64",
         "--set", "recogniser.latent_patches=[5,6,9,10,14]", "-o", checkpoints["w"], "--table"});
    CHECK(ran.code == 0);
    CHECK(has(ran.lines().back(), "7 classes, no detector, no U-Net"));
    const Ran refused = run_ofer({"run", "-m", checkpoints["w"], sample("portrait.png")});
    CHECK(refused.code == 2);
    CHECK(refused.error_says("has no detector"));
    CHECK(run_ofer({"run", "-m", checkpoints["w"], sample("portrait.png"), "--no-detect"}).code ==
          0);
  }

  TEST_CASE("the other sources: timm, Hugging Face, DAN, ResNet-18") {
    const Checkpoints checkpoints({"--seed", "4", "--parts", "mae,dan,resnet,vit"});
    const Words base{"convert",         "--mae",           checkpoints["mae.pth"],
                     "--set",           "encoder.heads=3", "--set",
                     "decoder.heads=2", "--set",           "recogniser.image_size=64"};
    const auto converted = [&](Words more) {
      Words words = base;
      words.insert(words.end(), more.begin(), more.end());
      const Ran ran = run_ofer(words);
      CAPTURE(ran.err);
      CHECK(ran.code == 0);
      return ran.code == 0 ? ran.json()[0] : ordered_json();
    };
    const ordered_json dan = converted({"--dan", checkpoints["dan.pth"], "-o", checkpoints["dan"]});
    CHECK(dan["trained"] == true);
    CHECK(run_ofer({"run", "-m", checkpoints["dan"], sample("portrait.png"), "--no-detect"}).code ==
          0);
    for (const char* name : {"vit_timm.pth", "vit_hf.safetensors"}) {
      const ordered_json own =
          converted({"--dan", checkpoints["dan.pth"], "--vit-encoder", checkpoints[name], "--set",
                     "detector.encoder.heads=3", "-o", checkpoints[std::string(name) + ".w"]});
      CHECK(own["configuration"]["detector"]["encoder"]["width"] == 24);
      CHECK(own["sources"][1]["left_out"].size() == 2);
    }
    // Two namings of one network give the same tensors.
    const Ran same =
        run_ofer({"inspect", checkpoints["vit_timm.pth.w"], checkpoints["vit_hf.safetensors.w"]});
    CHECK(same.json()[0]["tensors"].empty());
    const ordered_json start =
        converted({"--resnet", checkpoints["resnet18.pth"], "--fill", "1", "--keep-structure",
                   "--set", "recogniser.latent_patches=[5,6]", "--set",
                   "recogniser.latent_widths=[9,8,7,6]", "-o", checkpoints["start"]});
    CHECK(start["trained"] == false);
    CHECK(start["configuration"]["recogniser"]["widths"] == ordered_json::array({8, 12, 16, 24}));
  }

  TEST_CASE("a checkpoint that is cut, of another model, or has nowhere to go: one line, no file") {
    const Checkpoints checkpoints({"--seed", "1", "--parts", "mae,unet,fer,svdd"});
    const auto refused = [&](Words words, int code, const std::string& says) {
      const Ran ran = run_ofer(words);
      CAPTURE(ran.err);
      CHECK(ran.code == code);
      CHECK(ran.out.empty());
      CHECK(ran.error_says(says));
      CHECK_FALSE(std::filesystem::exists(checkpoints["w"]));
      return ran;
    };
    Words cut = checkpoints.words({}, "w");
    const std::string bytes = read_file(checkpoints["fer.pth"]);
    for (const std::size_t size :
         {bytes.size() / 2, bytes.size() - 1, std::size_t{10}, std::size_t{0}}) {
      write_file(checkpoints["cut.pth"], bytes.substr(0, size));
      cut[6] = checkpoints["cut.pth"];
      CHECK(refused(cut, 3, "cut.pth").error_lines() == 1);
    }
    Words swapped = checkpoints.words({}, "w");
    std::swap(swapped[2], swapped[4]);
    CHECK(refused(swapped, 3, "looks like").error_lines() == 1);
    Words lost = checkpoints.words({}, "w");
    lost[2] = checkpoints["nobody.pth"];
    CHECK(refused(lost, 3, "nobody.pth").error_lines() == 1);
    Words nowhere = checkpoints.words({}, "w");
    nowhere[18] = checkpoints["no/such/folder"];
    CHECK(refused(nowhere, 3, "no/such").error_lines() == 1);
    // Sizes that do not fit together: every tensor by name, then one line.
    const Ran listed = refused(checkpoints.words({"--config", "small"}, "w"), 2, "");
    CHECK(listed.error_lines() == 1);  // the settings of this model do not fit that one
    Words misfit{"convert", "--config",      "small", "--mae", checkpoints["mae.pth"],
                 "-o",      checkpoints["w"]};
    const Ran many = refused(misfit, 3, "not converted: ");
    CHECK(
        many.error_says("ofer: misshapen: mae.encoder.patch.weight (\"patch_embed.proj.weight\" "
                        "is [24, 3, 8, 8] instead of [192, 3, 8, 8] in mae.pth)"));
    CHECK(many.error_says("ofer: missing: recogniser.stem.conv.weight (--fer or --dan)"));
    // A full disk: whatever was at the target stays.
    write_file(checkpoints["w"], "precious");
    const int before = checkpoints.entries();
    const std::string limited = "ulimit -f 64; exec '" + std::string(OFER_COMMAND) + "'";
    std::string shell = "trap '' XFSZ; " + limited;
    for (const std::string& word : checkpoints.words({}, "w")) shell += " '" + word + "'";
    CHECK(std::system(("bash -c \"" + shell + "\" > /dev/null 2>&1").c_str()) != 0);
    CHECK(read_file(checkpoints["w"]) == "precious");
    CHECK(checkpoints.entries() == before);
  }

  TEST_CASE("options that cannot be obeyed") {
    const auto usage = [](Words more) {
      Words words{"convert", "-o", "/nowhere/w"};
      words.insert(words.end(), more.begin(), more.end());
      const Ran ran = run_ofer(words);
      CHECK(ran.code == 2);
      CHECK(ran.error_lines() == 1);
      return ran.err;
    };
    CHECK(has(usage({}), "no source"));
    CHECK(has(usage({"--dtype", "f64"}), "f32, bf16, f16"));
    CHECK(has(usage({"--set", "heads"}), "FIELD=VALUE"));
    CHECK(has(usage({"--set", "a=1", "--set", "a=2"}), "set twice"));
    CHECK(has(usage({"--fill", "-1"}), "--fill"));
    CHECK(run_ofer({"convert", "--mae", "x"}).code == 2);
  }
}

}  // namespace ofer::test
