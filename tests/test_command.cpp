// The ofer command when all is well.
#include <doctest/doctest.h>

#include <algorithm>

#include "engine/image_io.h"
#include "tests/support/command.h"

namespace fs = std::filesystem;

namespace {

using namespace ofer::test;
using nlohmann::ordered_json;

constexpr int kPatches = 16;

Words keys_of(const ordered_json& object) {
  Words keys;
  for (const auto& item : object.items()) keys.push_back(item.key());
  return keys;
}

// Lines without what differs from run to run.
Words without_times(const Ran& ran) {
  Words lines;
  for (ordered_json line : ran.json()) {
    line.erase("time_ms");
    lines.push_back(line.dump());
  }
  return lines;
}

Words files_of(const Ran& ran) {
  Words files;
  for (const ordered_json& line : ran.json()) files.push_back(line["file"]);
  return files;
}

}  // namespace

TEST_SUITE("command") {
  TEST_CASE("help and version") {
    for (const Words& words :
         {Words{"--help"}, Words{"run", "--help"}, Words{"init", "--help"}, Words{"run", "-h"}}) {
      const Ran ran = run_ofer(words);
      CHECK(ran.code == 0);
      CHECK(ran.err.empty());
      CHECK(ran.out.find("Usage: ofer") != std::string::npos);
      CHECK(ran.out.find("Examples:") != std::string::npos);
      for (const std::string& line : ran.lines()) CHECK_MESSAGE(line.size() <= 100, line);
    }
    const std::string help = run_ofer({"run", "--help"}).out;
    for (const char* option : {"--model", "--recursive", "--mask", "--no-detect", "--output",
                               "--class", "--layer", "--gradcam++", "--taps", "--json", "--table",
                               "--device", "--precision", "--threads", "--batch"})
      CHECK_MESSAGE(help.find(option) != std::string::npos, option);
    const Ran version = run_ofer({"--version"});
    CHECK(version.code == 0);
    CHECK(version.out.rfind("ofer ", 0) == 0);
    CHECK(version.lines().size() == 1);
  }

  TEST_CASE("init: the same seed gives the same file, another one another") {
    const TemporaryFolder folder;
    write_file(folder / "tiny.json", ofer::to_json(runnable_config()));
    const auto init = [&](const std::string& name, const std::string& seed) {
      const Ran ran =
          run_ofer({"init", "--config", folder / "tiny.json", "--seed", seed, "-o", folder / name});
      REQUIRE(ran.code == 0);
      CHECK(ran.out.find("untrained weights") != std::string::npos);
      return read_file(folder / name);
    };
    const std::string first = init("a.safetensors", "5");
    CHECK(first == init("b.safetensors", "5"));
    CHECK(first != init("c.safetensors", "6"));
    const ofer::LoadedWeights weights = ofer::load_weights(folder / "a.safetensors");
    CHECK(weights.config == runnable_config());
    CHECK_FALSE(weights.trained);
    CHECK(folder.entries() == 4);  // nothing temporary is left
  }

  TEST_CASE("the built-in small model runs on the samples") {
    const TemporaryFolder folder;
    const std::string weights = folder / "small.safetensors";
    REQUIRE(run_ofer({"init", "--config", "small", "-o", weights}).code == 0);
    const Ran ran =
        run_ofer({"run", "-m", weights, sample("portrait_mask.png"), "-o", folder / "out"});
    REQUIRE(ran.code == 0);
    CHECK(ran.json().at(0)["patches"]["rows"] == 14);
    CHECK(fs::exists(folder / "out/portrait_mask.sheet.png"));
  }

  TEST_CASE("one line of JSON for each image, in the order given") {
    const Words files{sample("portrait_mask.png"), sample("portrait.png"), fixture("cmyk.jpg")};
    const Ran ran = run_tiny(files);
    REQUIRE(ran.code == 0);
    CHECK(ran.error_says("untrained weights"));
    REQUIRE(files_of(ran) == files);
    const ordered_json line = ran.json()[1];
    CHECK(keys_of(line) == Words{"file", "label", "probabilities", "patches", "time_ms", "device",
                                 "precision", "trained"});
    CHECK(keys_of(line["probabilities"]) == ofer::default_labels());
    CHECK(keys_of(line["patches"]) ==
          Words{"rows", "columns", "distance", "radius", "occluded", "chosen"});
    CHECK(keys_of(line["time_ms"]) == Words{"detect", "reconstruct", "recognise", "total"});
    double sum = 0, largest = 0;
    for (const auto& value : line["probabilities"]) {
      sum += value.get<double>();
      largest = std::max(largest, value.get<double>());
    }
    CHECK(sum == doctest::Approx(1).epsilon(1e-5));
    CHECK(line["probabilities"][line["label"].get<std::string>()] == largest);
    const double radius = line["patches"]["radius"];
    const ordered_json& patches = line["patches"];
    CHECK(patches["rows"] == 4);
    CHECK(patches["columns"] == 4);
    REQUIRE(patches["distance"].size() == kPatches);
    REQUIRE(patches["occluded"].size() == kPatches);
    for (int i = 0; i < kPatches; ++i)
      CHECK((patches["occluded"][i] == 1) ==
            (patches["distance"][i].get<double>() > radius * radius));
    CHECK(patches["chosen"] == ordered_json({1, 2, 5, 6, 9}));
    CHECK(line["time_ms"]["total"] > 0);
    CHECK(line["device"] == "cpu");
    CHECK(line["precision"] == "fp32");
    CHECK(line["trained"] == false);
  }

  TEST_CASE("batch and threads do not change the results; fp64 says so") {
    const Words files{sample("portrait.png"), sample("portrait_mask.png"),
                      sample("portrait_hand.png"), fixture("cmyk.jpg"), fixture("grey.png")};
    Words batched = files;
    batched.insert(batched.end(), {"--batch", "3", "--threads", "3"});
    CHECK(without_times(run_tiny(files)) == without_times(run_tiny(batched)));
    const Ran wide = run_tiny({files[0], "--precision", "fp64"});
    REQUIRE(wide.code == 0);
    CHECK(wide.json()[0]["precision"] == "fp64");
    const double narrow_probability = run_tiny({files[0]}).json()[0]["probabilities"]["fear"];
    CHECK(wide.json()[0]["probabilities"]["fear"].get<double>() ==
          doctest::Approx(narrow_probability).epsilon(1e-3));
  }

  TEST_CASE("folders: their pictures, sorted; recursive when asked") {
    const TemporaryFolder folder;
    fs::create_directories(folder / "faces/more");
    const auto copy = [&](const std::string& name) {
      fs::copy_file(fixture("rgb.png"), folder / ("faces/" + name));
    };
    for (const char* name : {"b.png", "a.JPG", "c.bmp", "notes.txt", "more/d.png"}) copy(name);
    const auto faces = [&](const Words& names) {
      Words files;
      for (const std::string& name : names) files.push_back(folder / ("faces/" + name));
      return files;
    };
    CHECK(files_of(run_tiny({folder / "faces"})) == faces({"a.JPG", "b.png", "c.bmp"}));
    CHECK(files_of(run_tiny({folder / "faces", "--recursive"})) ==
          faces({"a.JPG", "b.png", "c.bmp", "more/d.png"}));
    // A file given by name is read whatever it is called.
    CHECK(run_tiny({folder / "faces/notes.txt"}).code == 0);
  }

  TEST_CASE("an image on standard input") {
    const Ran ran = run_tiny({"-", sample("portrait_hand.png")}, sample("portrait.png"));
    REQUIRE(ran.code == 0);
    CHECK(files_of(ran) == Words{"-", sample("portrait_hand.png")});
    CHECK(ran.json()[0]["probabilities"] ==
          run_tiny({sample("portrait.png")}).json()[0]["probabilities"]);
  }

  TEST_CASE("a terminal gets a table") {
    if (!has_terminals()) {
      MESSAGE("not tested: no pseudo-terminals here (is /dev/pts mounted?)");
      return;
    }
    const Words words = run_words({sample("portrait.png"), sample("portrait_mask.png")});
    const Ran ran = run_on_terminal(words, 100, {"NO_COLOR=1"});
    REQUIRE(ran.code == 0);
    CHECK(ran.out.find('{') == std::string::npos);
    CHECK(ran.out.find('\x1b') == std::string::npos);
    for (const char* text : {"expression", "probability", "covered", "time", "portrait_mask.png",
                             "2 images", "on cpu, fp32", "untrained weights"})
      CHECK_MESSAGE(ran.out.find(text) != std::string::npos, text);
    for (const std::string& line : ran.lines()) CHECK_MESSAGE(line.size() <= 100, line);

    // A narrow terminal shortens the names; colours come where they are not forbidden.
    const Ran narrow = run_on_terminal(words, 64, {"TERM=xterm"});
    CHECK(narrow.out.find("...") != std::string::npos);
    CHECK(narrow.out.find("\x1b[1m") != std::string::npos);
    const Ran plain = run_on_terminal(words, 64, {"TERM=dumb"});
    for (const std::string& line : plain.lines()) CHECK_MESSAGE(line.size() <= 64, line);

    // One image: all seven probabilities.
    const Ran single = run_on_terminal(run_words({sample("portrait.png")}), 80, {"NO_COLOR=1"});
    for (const std::string& label : ofer::default_labels())
      CHECK_MESSAGE(single.out.find("  " + label) != std::string::npos, label);
  }

  TEST_CASE("JSON on a terminal and a table in a pipe, when asked for") {
    if (!has_terminals()) {
      MESSAGE("not tested: no pseudo-terminals here (is /dev/pts mounted?)");
      return;
    }
    const Ran json =
        run_on_terminal(run_words({sample("portrait.png"), "--json"}), 80, {"TERM=xterm"});
    CHECK(ordered_json::parse(json.out)["device"] == "cpu");
    const Ran table = run_tiny({sample("portrait.png"), "--table"});
    CHECK(table.out.find("on cpu, fp32") != std::string::npos);
    CHECK(table.out.find('\x1b') == std::string::npos);
  }

  TEST_CASE("memory does not grow with the number of images") {
    const TemporaryFolder folder;
    ofer::Image large(2000, 1500, {90, 120, 150});  // 9 MB decoded
    ofer::save_png(large, folder / "large.png");
    // The last input is a standard input that stays silent: the program is still there, having
    // done all the others, when its peak is read.
    const auto peak_kb = [&](int images) {
      Words words = run_words({"--threads", "1"});
      for (int i = 0; i < images; ++i) words.push_back(folder / "large.png");
      words.push_back("-");
      Pipe input, output;
      // AddressSanitizer keeps freed memory for a while, which is not the program's doing.
      Child child(words, input.from.get(), output.to.get(), {"ASAN_OPTIONS=quarantine_size_mb=1"});
      output.to.close();
      std::string text;
      char piece[4096];
      while (std::count(text.begin(), text.end(), '\n') < images) {
        const ssize_t got = ::read(output.from.get(), piece, sizeof(piece));
        REQUIRE(got > 0);
        text.append(piece, static_cast<std::size_t>(got));
      }
      const std::string status = read_file("/proc/" + std::to_string(child.pid()) + "/status");
      const std::size_t place = status.find("VmHWM:");
      REQUIRE(place != std::string::npos);
      input.to.close();
      CHECK(child.wait() == 1);  // the silent input was empty
      return std::stol(status.substr(place + 6));
    };
    const long few = peak_kb(2), many = peak_kb(30);
    CHECK(many < few + 9000);  // less than one more image, for 28 more
  }

  TEST_CASE("Ctrl-C ends the run in order") {
    const TemporaryFolder folder;
    Words words = run_words({"-o", folder / "out", "--taps", folder / "taps.safetensors"});
    for (int i = 0; i < 300; ++i) words.push_back(sample("portrait.png"));
    Pipe output;
    const Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    Child child(words, nothing.get(), output.to.get());
    output.to.close();
    char byte = 0;
    REQUIRE(::read(output.from.get(), &byte, 1) == 1);
    ::kill(child.pid(), SIGINT);
    const std::string text = byte + read_all(output.from.get());
    CHECK(child.wait() == 130);
    CHECK(child.error_text().find("interrupted after") != std::string::npos);
    const auto lines = std::count(text.begin(), text.end(), '\n');
    CHECK(lines < 300);
    CHECK(text.back() == '\n');
    CHECK_FALSE(fs::exists(folder / "taps.safetensors"));
    // Every picture is whole, and nothing temporary is left.
    for (const auto& entry : fs::directory_iterator(folder / "out")) {
      CHECK(entry.path().extension() == ".png");
      CHECK_NOTHROW(ofer::load_image(entry.path()));
    }
  }
}
