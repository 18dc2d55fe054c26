// What `ofer run` writes beside its lines, and masks that come from files.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "engine/image_io.h"
#include "tests/support/command.h"
#include "weights/safetensors.h"

namespace fs = std::filesystem;

namespace {

using namespace ofer::test;
using nlohmann::ordered_json;

constexpr int kPatches = 16;
const char* const kKinds[] = {"mask", "coarse", "restored", "attention", "gradcam", "sheet"};

std::vector<int> occluded_of(const Ran& ran) {
  return ran.json().at(0)["patches"]["occluded"].get<std::vector<int>>();
}

std::vector<float> values_of(const ofer::SafetensorsFile& file, const std::string& name) {
  const ofer::SafetensorsEntry* entry = file.find(name);
  REQUIRE_MESSAGE(entry, name);
  REQUIRE(entry->dtype_name == "F32");
  std::vector<float> values(static_cast<std::size_t>(entry->shape.elements()));
  std::memcpy(values.data(), file.bytes(*entry).data(), values.size() * sizeof(float));
  return values;
}

}  // namespace

TEST_SUITE("command_outputs") {
  TEST_CASE("pictures: six for each image, under names that do not collide") {
    const TemporaryFolder folder;
    for (const char* name : {"one", "two"}) fs::create_directory(folder / name);
    fs::copy_file(sample("portrait.png"), folder / "one/face.png");
    fs::copy_file(sample("portrait_mask.png"), folder / "two/Face.png");
    // Parents are created, too.
    const std::string out = folder / "new/out";
    const Ran ran = run_tiny({folder / "one/face.png", folder / "two/Face.png", "-", "-o", out},
                             sample("portrait_hand.png"));
    REQUIRE(ran.code == 0);
    CHECK(ran.error_says("Face-2.*.png"));
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(out))
      found.insert(entry.path().filename().string());
    std::set<std::string> expected;
    for (const char* stem : {"face", "Face-2", "stdin"})
      for (const char* kind : kKinds) expected.insert(std::string(stem) + '.' + kind + ".png");
    CHECK(found == expected);
    const auto picture = [&](const std::string& name) {
      return ofer::load_image(out + '/' + name + ".png");
    };
    CHECK(picture("face.mask").width == 256);  // the input's size
    CHECK(picture("face.coarse").width == 32);
    CHECK(picture("face.restored").width == 48);
    CHECK(picture("face.attention").width == 48);
    CHECK(picture("face.gradcam").width == 48);
    CHECK(picture("face.sheet").width > 5 * 200);
    CHECK_FALSE(picture("face.restored") == picture("Face-2.restored"));
  }

  TEST_CASE("pictures never overwrite an input") {
    const TemporaryFolder folder;
    fs::copy_file(sample("portrait.png"), folder / "a.png");
    fs::copy_file(sample("portrait_hand.png"), folder / "a.sheet.png");
    const std::string before = read_file(folder / "a.sheet.png");
    const Ran ran = run_tiny({folder / "a.png", folder / "a.sheet.png", "-o", folder / "."});
    REQUIRE(ran.code == 0);
    CHECK(read_file(folder / "a.sheet.png") == before);
    CHECK(fs::exists(folder / "a-2.sheet.png"));
    CHECK(fs::exists(folder / "a.sheet.sheet.png"));
  }

  TEST_CASE("the options of Grad-CAM change its picture, and that one alone") {
    const TemporaryFolder folder;
    const auto pictures = [&](const std::string& name, const Words& more) {
      Words words{sample("portrait.png"), "-o", folder / name};
      words.insert(words.end(), more.begin(), more.end());
      const Ran ran = run_tiny(words);
      REQUIRE_MESSAGE(ran.code == 0, ran.err);
      std::vector<std::string> files;
      for (const char* kind : kKinds)
        files.push_back(read_file(folder / (name + "/portrait." + kind + ".png")));
      return files;
    };
    const auto plain = pictures("plain", {});
    const std::string label = run_tiny({sample("portrait.png")}).json()[0]["label"];
    CHECK(plain == pictures("same", {"--class", label}));
    const std::string other = label == "fear" ? "anger" : "fear";
    const std::string number = other == "fear" ? "1" : "5";
    const auto by_name = pictures("name", {"--class", other});
    CHECK(by_name == pictures("number", {"--class", number}));
    const std::vector<Words> changes{
        {"--class", other}, {"--gradcam++"}, {"--layer", "recognise/head1/spatial"}};
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const auto changed = pictures("changed" + std::to_string(i), changes[i]);
      for (int kind = 0; kind < 4; ++kind) CHECK(changed[kind] == plain[kind]);
      CHECK_MESSAGE(changed[4] != plain[4], changes[i][0]);
    }
  }

  TEST_CASE("a mask as picture, text, JSON and own output means the same") {
    const TemporaryFolder folder;
    // The upper half of the left column, the patch in the lower right corner: bits of 4 x 4.
    const std::vector<int> bits{1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    for (const auto& [name, side] : {std::pair{"large", 64}, {"grid", 4}, {"small", 2}}) {
      ofer::Image picture(side, side);
      for (int y = 0; y < side; ++y)
        for (int x = 0; x < side; ++x)
          if (bits[static_cast<std::size_t>(y * 4 / side * 4 + x * 4 / side)])
            std::fill_n(picture.at(x, y), 3, std::uint8_t{200});
      ofer::save_png(picture, folder / (std::string(name) + ".png"));
    }
    write_file(folder / "text", "1000\n1000\n0000\n0001\n");
    write_file(folder / "commas", "1,0,0,0, 1,0,0,0, 0,0,0,0, 0,0,0,1");
    write_file(folder / "flat.json", ordered_json(bits).dump());
    write_file(folder / "rows.json", "[[1,0,0,0],[1,0,0,0],[0,0,0,0],[0,0,0,1]]");
    const auto masked = [&](const std::string& name) {
      const Ran ran = run_tiny({sample("portrait.png"), "--mask", folder / name});
      REQUIRE_MESSAGE(ran.code == 0, ran.err);
      CHECK(ran.json()[0]["patches"]["distance"].empty());
      return ran;
    };
    for (const char* name : {"large.png", "grid.png", "text", "commas", "flat.json", "rows.json"})
      CHECK_MESSAGE(occluded_of(masked(name)) == bits, name);
    write_file(folder / "line.json", masked("text").out);
    CHECK(occluded_of(masked("line.json")) == bits);
    // Two pixels a side: each stands for 2 x 2 patches. Bits 0, 2, 8, 10 of the grid were drawn.
    CHECK(occluded_of(masked("small.png")) ==
          std::vector<int>{1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    // All images of a batch get it.
    const Ran both = run_tiny({sample("portrait.png"), sample("portrait_hand.png"), "--batch", "2",
                               "--mask", folder / "text"});
    CHECK(both.json()[1]["patches"]["occluded"] == ordered_json(bits));
    const Ran none = run_tiny({sample("portrait.png"), "--no-detect"});
    CHECK(occluded_of(none) == std::vector<int>(kPatches, 0));
    CHECK(none.json()[0]["probabilities"] != both.json()[0]["probabilities"]);
  }

  TEST_CASE("taps: every intermediate, as it was") {
    const TemporaryFolder folder;
    const Words files{sample("portrait.png"), sample("portrait_mask.png"), fixture("cmyk.jpg")};
    const auto taps = [&](const Words& more) {
      Words words{"--taps", folder / "taps.safetensors"};
      words.insert(words.end(), more.begin(), more.end());
      const Ran ran = run_tiny(words);
      REQUIRE_MESSAGE(ran.code == 0, ran.err);
      return ofer::SafetensorsFile::open(folder / "taps.safetensors");
    };
    const auto check_probabilities = [&](const std::vector<float>& values, std::size_t row,
                                         const std::string& file) {
      const ordered_json line = run_tiny({file}).json()[0];
      std::size_t place = row * 7;
      for (const auto& value : line["probabilities"])
        CHECK(values.at(place++) == value.get<float>());
    };
    const ofer::SafetensorsFile one = taps({files[0]});
    CHECK(one.find("input/vit")->shape == ofer::Shape{1, 3, 32, 32});
    CHECK(one.find("detect/mask")->shape == ofer::Shape{1, kPatches});
    CHECK(one.find("reconstruct/coarse") != nullptr);
    check_probabilities(values_of(one, "recognise/probabilities"), 0, files[0]);
    CHECK(one.entries().size() > 30);

    const ofer::SafetensorsFile batches = taps({files[0], files[1], files[2], "--batch", "2"});
    CHECK(batches.find("recognise/probabilities") == nullptr);
    const auto first = values_of(batches, "00000/recognise/probabilities");
    const auto second = values_of(batches, "00001/recognise/probabilities");
    check_probabilities(first, 0, files[0]);
    check_probabilities(first, 1, files[1]);
    check_probabilities(second, 0, files[2]);
    const auto passes = ordered_json::parse(batches.metadata().at("passes"));
    CHECK(passes ==
          ordered_json{{{"prefix", "00000/"}, {"files", {files[0], files[1]}}},
                       {{"prefix", "00001/"}, {"files", ordered_json::array({files[2]})}}});

    const ofer::SafetensorsFile wide = taps({files[0], "--precision", "fp64"});
    CHECK(wide.find("detect/distance")->dtype_name == "F64");
    CHECK(folder.entries() == 1);  // nothing temporary is left
  }
}
