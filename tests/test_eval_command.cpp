// `ofer eval` as a user runs it: its report, its tables, and data that are not as they should be.
#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "engine/image_io.h"
#include "tests/support/error_of.h"
#include "tests/support/eval_models.h"
#include "tests/support/rgba_png.h"

namespace ofer::test {
namespace {

using Json = nlohmann::ordered_json;

// labels.csv and its pictures: `each` faces of two classes in val, and one of a third in train.
void draw_data(const std::filesystem::path& folder, int each) {
  std::filesystem::create_directories(folder);
  std::string table = "file,label,split\n";
  std::uint64_t number = 0;
  const auto add = [&](const std::string& label, const char* split) {
    const std::string name = label + std::to_string(number) + ".png";
    save_png(drawn_face(number++, 40), folder / name);
    table += name + ',' + label + ',' + split + '\n';
  };
  for (int i = 0; i < each; ++i)
    for (const char* label : {"happiness", "neutral"}) add(label, "val");
  add("anger", "train");
  put(folder / "labels.csv", table);
}

// A hand: half transparent, half skin.
void draw_cutouts(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  std::vector<std::uint8_t> pixels(4 * 16 * 16);
  for (std::size_t i = 0; i < 256; ++i) {
    pixels[4 * i] = 220, pixels[4 * i + 1] = 170, pixels[4 * i + 2] = 140;
    pixels[4 * i + 3] = i % 16 < 12 ? 255 : 0;
  }
  put_rgba_png(folder / "hand_1.png", 16, 16, pixels);
}

Words eval_words(const TemporaryFolder& folder, const std::string& output, const Words& more = {}) {
  Words words{"eval",
              "-m",
              tiny_weights(),
              "--data",
              (folder / "faces").string(),
              "-o",
              (folder / output).string()};
  words.insert(words.end(), more.begin(), more.end());
  if (std::find(more.begin(), more.end(), "--resamples") == more.end())
    words.insert(words.end(), {"--resamples", "20"});
  return words;
}

Json report_of(const TemporaryFolder& folder, const std::string& output) {
  return Json::parse(read_file(folder / output / "report.json"));
}

std::vector<std::string> titles(const Json& report) {
  std::vector<std::string> result;
  for (const Json& section : report["sections"]) result.push_back(section["title"]);
  return result;
}

}  // namespace

TEST_SUITE("eval_command") {
  TEST_CASE("a report of everything, on the terminal, as JSON and as one page") {
    const TemporaryFolder folder;
    draw_data(folder / "faces", 3);
    draw_cutouts(folder / "cutouts");
    const Ran ran =
        run_ofer(eval_words(folder, "out/deep", {"--occluders", (folder / "cutouts").string()}));
    CAPTURE(ran.err);
    REQUIRE(ran.code == 0);
    const Json report = report_of(folder, "out/deep");
    CHECK(titles(report) == Words{"Data", "Detection of covered patches", "Reconstruction",
                                  "Recognition of expressions", "Accuracy by covered share"});
    CHECK(report["facts"]["split"] == "val");
    CHECK(report["facts"]["faces"] == "6 of 6");
    CHECK(report["facts"]["seed"] == "1");
    CHECK(has(report["facts"]["trained"], "random weights"));
    CHECK(report["facts"]["device"] == "cpu");
    const Json& detection = report["sections"][1]["elements"][0]["rows"];
    REQUIRE(detection.size() == 6);
    CHECK(detection[1]["covers"] == "hand, sharp");
    for (const char* figure : {"AUROC", "accuracy", "recall"}) {
      CHECK(detection[5][figure]["low"] <= detection[5][figure]["value"]);
      CHECK(detection[5][figure]["value"] <= detection[5][figure]["high"]);
    }
    const std::string page = read_file(folder / "out" / "deep" / "report.html");
    CHECK(page.size() > 20000);
    CHECK(!has(page, "<script"));
    CHECK(has(page, "data:image/png;base64,"));
    CHECK(has(page, "<svg"));
    CHECK(has(ran.out, "Detection of covered patches"));
    CHECK(has(ran.out, "grad, with reconstruction"));
    CHECK(has(ran.out, "without reconstruction, CNN features only"));
    CHECK(ran.error_says("report.html"));
  }

  TEST_CASE("parts, some of the faces, and the same seed again") {
    const TemporaryFolder folder;
    draw_data(folder / "faces", 4);
    const Words some{"--what", "reconstruction,detection", "--limit", "3", "--seed", "5"};
    REQUIRE(run_ofer(eval_words(folder, "a", some)).code == 0);
    REQUIRE(run_ofer(eval_words(folder, "b", some)).code == 0);
    Words batch = some;
    batch.insert(batch.end(), {"--batch", "2", "--threads", "1"});
    REQUIRE(run_ofer(eval_words(folder, "c", batch)).code == 0);
    const std::string once = read_file(folder / "a" / "report.json");
    CHECK(read_file(folder / "b" / "report.json") == once);
    CHECK(read_file(folder / "c" / "report.json") == once);
    CHECK(read_file(folder / "b" / "report.html") == read_file(folder / "a" / "report.html"));
    const Json report = report_of(folder, "a");
    CHECK(titles(report) == Words{"Data", "Detection of covered patches", "Reconstruction"});
    CHECK(report["facts"]["faces"] == "3 of 8");
    CHECK(has(report["facts"]["covers"], "drawn shapes"));
    // Another seed draws other faces and covers; another share covers more.
    Words other = some;
    other[5] = "6";
    REQUIRE(run_ofer(eval_words(folder, "d", other)).code == 0);
    CHECK(read_file(folder / "d" / "report.json") != once);
    Words share = some;
    share.insert(share.end(), {"--share", "0.5"});
    const Ran half = run_ofer(eval_words(folder, "e", share));
    CHECK(has(half.out, "8 of 16 patches"));
    // A split by name, and a limit that is above what there is.
    const Ran train = run_ofer(
        eval_words(folder, "f", {"--what", "recognition", "--split", "train", "--limit", "99"}));
    CHECK(train.code == 0);
    CHECK(has(train.out, "all faces are of one class"));
    CHECK(report_of(folder, "f")["facts"]["faces"] == "1 of 1");
  }

  TEST_CASE("data, cut-outs and folders that are not as they should be") {
    const TemporaryFolder folder;
    CHECK(run_ofer(eval_words(folder, "a")).code == 3);  // no such folder
    std::filesystem::create_directories(folder / "faces");
    CHECK(run_ofer(eval_words(folder, "a")).code == 3);  // no faces
    draw_data(folder / "faces", 2);
    const Words quick{"--what", "reconstruction"};
    const auto refused = [&](int code, const Words& more, const std::string& says) {
      Words words = eval_words(folder, "r", more);
      const Ran ran = run_ofer(words);
      CAPTURE(ran.err);
      CHECK(ran.code == code);
      CHECK(ran.error_says(says));
      CHECK(ran.out.empty());
      CHECK(!std::filesystem::exists(folder / "r"));
    };
    refused(3, {"--split", "holidays"},
            "no readable face in split holidays; there are: train, val");
    refused(2, {"--what", "detection,guesses"}, "no evaluation \"guesses\"");
    refused(2, {"--what", ","}, "no evaluation \"\"");
    refused(2, {"--resamples", "0"}, "at least 1");
    refused(2, {"--resamples", "2000000"}, "give 1 to 1000000");
    refused(2, {"--limit", "0"}, "at least 1");
    refused(2, {"--batch", "-3"}, "at least 1");
    refused(2, {"--seed", "-1"}, "at least 0");
    refused(2, {"--share", "1.5"}, "1.5");
    refused(2, {"--share", "0.01"}, "at least one has to be covered");
    refused(2, {"--layout", "cubist"}, "no layout");
    refused(2, {"--device", "abacus"}, "no device");
    refused(3, {"--occluders", (folder / "none").string()}, "none");
    std::filesystem::create_directories(folder / "bad");
    put(folder / "bad" / "hand.png", "no picture");
    refused(3, {"--occluders", (folder / "bad").string()}, "no cut-outs in it");
    Words weights = eval_words(folder, "r");
    weights[2] = (folder / "faces" / "labels.csv").string();
    CHECK(run_ofer(weights).code == 3);
    put(folder / "file", "");
    CHECK(run_ofer(eval_words(folder, "file", quick)).code == 3);
    CHECK(read_file(folder / "file").empty());
    // What cannot be written is printed all the same.
    std::filesystem::create_directories(folder / "taken" / "report.json");
    const Ran printed = run_ofer(eval_words(folder, "taken", quick));
    CHECK(printed.code == 3);
    CHECK(printed.error_says("report.json"));
    CHECK(has(printed.out, "PSNR in the hole"));

    // What is wrong with single pictures is counted and told, in the report, too.
    draw_cutouts(folder / "bad");
    put(folder / "faces" / "neutral1.png", "no picture");
    const Ran ran = run_ofer(eval_words(
        folder, "told", {"--what", "detection", "--occluders", (folder / "bad").string()}));
    CHECK(ran.code == 0);
    CHECK(ran.error_says("left out: 1 "));
    CHECK(ran.error_says("neutral1.png"));
    CHECK(ran.error_says("hand.png"));
    CHECK(report_of(folder, "told")["facts"]["faces"] == "3 of 3");
    CHECK(has(report_of(folder, "told")["sections"][0].dump(), "neutral1.png"));
    CHECK(has(report_of(folder, "told")["sections"][0].dump(), "hand.png"));
  }

  TEST_CASE("labels that are none of the model's are counted, and left out where they are needed") {
    const TemporaryFolder folder;
    draw_data(folder / "faces", 2);
    std::string table = read_file(folder / "faces" / "labels.csv");
    table.replace(table.find("neutral,val"), 7, "puzzled");
    put(folder / "faces" / "labels.csv", table);
    const Ran ran = run_ofer(eval_words(folder, "out", {"--what", "recognition"}));
    CHECK(ran.code == 0);
    CHECK(has(ran.out, "1 faces have no label"));
    const Json rows = report_of(folder, "out")["sections"][0]["elements"][0]["rows"];
    CHECK(rows.back()["faces"] == 1);
    CHECK(ran.error_says("1 of 4 faces have no label"));
  }

  TEST_CASE("Ctrl-C ends it without a report") {
    const TemporaryFolder folder;
    draw_data(folder / "faces", 40);
    const Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    Child child(eval_words(folder, "out"), nothing.get(), nothing.get());
    // It works once the folder is there.
    while (!std::filesystem::exists(folder / "out"))
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ::kill(child.pid(), SIGINT);
    CHECK(child.wait() == 130);
    CHECK(has(child.error_text(), "interrupted; there is no report"));
    CHECK(!std::filesystem::exists(folder / "out" / "report.json"));
  }
}

}  // namespace ofer::test
