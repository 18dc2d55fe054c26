// The ofer command when something is wrong: one clear line, an exit code, and nothing half done.
#include <doctest/doctest.h>

#include <algorithm>

#include "engine/image_io.h"
#include "tests/support/command.h"

namespace fs = std::filesystem;

namespace {

using namespace ofer::test;
using nlohmann::ordered_json;

// Big-endian, as in a PNG.
std::string number(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

std::uint32_t crc_of(const std::string& bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

// A PNG whose header, with a right checksum, promises another size.
std::string png_of_size(const std::string& png, std::uint32_t width, std::uint32_t height) {
  const std::string header = "IHDR" + number(width) + number(height) + png.substr(24, 5);
  return png.substr(0, 12) + header + number(crc_of(header)) + png.substr(33);
}

// A bad picture, and a piece of what is said about it.
struct Bad {
  std::string path, cause;
};

std::vector<Bad> bad_pictures(const TemporaryFolder& folder) {
  const std::string png = read_file(fixture("rgb.png")), jpeg = read_file(fixture("baseline.jpg"));
  std::vector<Bad> bad;
  const auto add = [&](const std::string& name, const std::string& bytes, const char* cause) {
    write_file(folder / name, bytes);
    bad.push_back({folder / name, cause});
  };
  add("empty.png", "", "empty");
  add("cut.png", png.substr(0, png.size() / 2), "");
  add("cut.jpg", jpeg.substr(0, jpeg.size() / 2), "");
  add("text.png", "not a picture at all", "");
  add("huge.png", png_of_size(png, 100000, 100000), "100000");
  fs::create_directory(folder / "hollow");
  // Reading a pipe would wait for ever; a folder's files are files.
  if (::mkfifo((folder / "hollow/pipe.png").c_str(), 0600) != 0)
    throw std::runtime_error("no pipe");
  bad.push_back({folder / "hollow", "no picture files"});
  fs::create_directory(folder / "linked");
  fs::create_symlink("nowhere", folder / "linked/link.png");
  bad.push_back({folder / "linked/link.png", "No such file"});
  bad.push_back({folder / "missing.png", "No such file"});
  return bad;
}

// All of `ran`'s failure: this code, one line, these pieces in it.
void check_failure(const Ran& ran, int code, const Words& pieces) {
  CAPTURE(ran.err);
  CHECK(ran.code == code);
  CHECK(ran.out.empty());
  CHECK(ran.error_lines() == 1);
  for (const std::string& piece : pieces) CHECK_MESSAGE(ran.error_says(piece), piece);
}

}  // namespace

TEST_SUITE("command_errors") {
  TEST_CASE("bad pictures have their line; the others are done") {
    const TemporaryFolder folder;
    const std::vector<Bad> bad = bad_pictures(folder);
    const std::string good = sample("portrait.png");
    Words files{good};
    for (const Bad& picture : bad) files.insert(files.end(), {picture.path, good});
    for (const char* batch : {"1", "4"}) {
      Words words = files;
      words.insert(words.end(), {"--batch", batch, "-o", folder / "out"});
      const Ran ran = run_tiny(words);
      CAPTURE(ran.err);
      CHECK(ran.code == 1);
      CHECK(ran.error_says(std::to_string(bad.size()) + " of " + std::to_string(files.size())));
      const std::vector<ordered_json> lines = ran.json();
      REQUIRE(lines.size() == files.size());
      for (std::size_t i = 0; i < files.size(); ++i) {
        CHECK(lines[i]["file"] == files[i]);
        if (i % 2 == 0) {
          CHECK(lines[i]["probabilities"] == lines[0]["probabilities"]);
          continue;
        }
        REQUIRE_MESSAGE(lines[i].size() == 2, files[i]);
        const std::string error = lines[i]["error"];
        CAPTURE(error);
        CHECK(error.rfind(files[i], 0) == 0);  // begins with the file
        CHECK(error.find(bad[i / 2].cause) != std::string::npos);
        CHECK(error.find('\n') == std::string::npos);
      }
      // Pictures of the good ones alone; none of them half written.
      for (const auto& entry : fs::directory_iterator(folder / "out")) {
        CHECK(entry.path().filename().string().rfind("portrait", 0) == 0);
        CHECK_NOTHROW(ofer::load_image(entry.path()));
      }
    }
  }

  TEST_CASE("in a table the errors go to standard error") {
    const TemporaryFolder folder;
    const std::string evil = folder / "a\x1b[31m\nb.png";
    write_file(evil, "");
    const Ran ran = run_tiny({evil, sample("portrait.png"), "--table"});
    CHECK(ran.code == 1);
    CHECK(ran.error_lines() == 1);
    CHECK(ran.error_says("a\\x1B[31m\\x0Ab.png: "));
    CHECK(ran.out.find("portrait.png") != std::string::npos);
    CHECK(ran.out.find("1 failed") != std::string::npos);
  }

  TEST_CASE("unusual pictures are fine") {
    const TemporaryFolder folder;
    const std::string strange = folder / "\xff\xfe not UTF-8.png";
    fs::copy_file(fixture("rgb.png"), strange);
    const Ran ran =
        run_tiny({fixture("grey.png"), fixture("rgba.png"), fixture("rgb16.png"),
                  fixture("one.png"), fixture("palette.png"), strange, "-o", folder / "out"});
    CHECK_MESSAGE(ran.code == 0, ran.err);
    CHECK(ran.json().size() == 6);
    CHECK(ofer::load_image(fixture("one.png")).width == 1);
    CHECK(fs::exists(folder / "out/one.sheet.png"));
  }

  TEST_CASE("standard input: nothing, or no picture") {
    for (const char* input : {"/dev/null", OFER_SOURCE_DIR "/CMakeLists.txt"}) {
      const Ran ran = run_tiny({"-"}, input);
      CHECK(ran.code == 1);
      const std::string error = ran.json().at(0)["error"];
      CHECK(error.rfind("standard input: ", 0) == 0);
    }
  }

  TEST_CASE("bad weights stop the run before anything is made") {
    const TemporaryFolder folder;
    std::string bytes = read_file(tiny_weights());
    const auto check = [&](const std::string& name, const Words& pieces) {
      Words all = pieces;
      all.push_back(folder / name);
      check_failure(
          run_ofer({"run", "-m", folder / name, sample("portrait.png"), "-o", folder / "out"}), 3,
          all);
    };
    check("missing", {"No such file"});
    write_file(folder / "empty", "");
    check("empty", {});
    write_file(folder / "cut", bytes.substr(0, bytes.size() - 100));
    check("cut", {});
    write_file(folder / "text", "hello");
    check("text", {});
    bytes[bytes.size() - 5000] ^= 1;
    write_file(folder / "altered", bytes);
    check("altered", {"sha256"});
    fs::copy_file(sample("portrait.png"), folder / "picture");
    check("picture", {});
    fs::create_directory(folder / "folder");
    check("folder", {});
    CHECK_FALSE(fs::exists(folder / "out"));
  }

  TEST_CASE("an output folder that cannot be") {
    const TemporaryFolder folder;
    write_file(folder / "file", "in the way");
    check_failure(run_tiny({sample("portrait.png"), "-o", folder / "file"}), 3,
                  {folder / "file", "not a folder"});
    check_failure(run_tiny({sample("portrait.png"), "-o", folder / "file/below"}), 3,
                  {folder / "file/below", "cannot create"});
    check_failure(run_tiny({sample("portrait.png"), "-o", "/proc/self"}), 3,
                  {"/proc/self", "cannot write"});
    check_failure(run_tiny({sample("portrait.png"), "--taps", folder / "none/t.safetensors"}), 3,
                  {folder / "none", "No such file"});
    check_failure(run_tiny({sample("portrait.png"), "--taps", folder / "."}), 2, {"--taps"});
    CHECK(read_file(folder / "file") == "in the way");
  }

  TEST_CASE("a picture that cannot be written fails its image alone") {
    const TemporaryFolder folder;
    fs::create_directories(folder / "out/portrait.restored.png");  // a folder in the way
    const Ran ran =
        run_tiny({sample("portrait.png"), sample("portrait_hand.png"), "-o", folder / "out"});
    CHECK(ran.code == 1);
    const std::vector<ordered_json> lines = ran.json();
    REQUIRE(lines.size() == 2);
    const std::string error = lines[0].value("error", "");
    CHECK(error.find("portrait.restored.png") != std::string::npos);
    CHECK(lines[1].contains("label"));
    CHECK(fs::exists(folder / "out/portrait_hand.sheet.png"));
  }

  TEST_CASE("bad masks") {
    const TemporaryFolder folder;
    const auto check = [&](const std::string& name, const std::string& content,
                           const Words& pieces) {
      write_file(folder / name, content);
      Words all = pieces;
      all.push_back(folder / name);
      check_failure(run_tiny({sample("portrait.png"), "--mask", folder / name}), 3, all);
    };
    check("short", "0101", {"4 values", "need 16"});
    check("letters", "01x1", {"only the numbers 0"});
    check("twos.json", "[2,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]", {"only the numbers 0"});
    check("nulls.json", "[null,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]", {"only the numbers 0"});
    check("rows.json", "[[1,0],[0,0]]", {"2 rows", "need 4"});
    check("object.json", R"({"mask": []})", {"occluded"});
    check("broken.json", "[0, 1", {});
    check("empty", "", {});
    check("prose", "hello", {});
    check_failure(run_tiny({sample("portrait.png"), "--mask", folder / "missing"}), 3,
                  {folder / "missing"});
    check_failure(run_tiny({sample("portrait.png"), "--mask", folder / "."}), 3, {"folder"});
  }

  TEST_CASE("a command line that cannot be obeyed") {
    const std::string picture = sample("portrait.png");
    const auto check = [](const Words& words, const Words& pieces) {
      std::string line;
      for (const std::string& word : words) line += word + ' ';
      CAPTURE(line);
      check_failure(run_ofer(words), 2, pieces);
    };
    check({}, {"ofer --help"});
    check({"dance"}, {"dance", "init, convert, train, pack, run, eval, inspect, verify"});
    check({"--dance"}, {"--dance", "ofer --help"});
    check({"run"}, {"ofer run --help"});
    check({"run", picture}, {"--model"});
    check({"run", "-m", tiny_weights()}, {"INPUT"});
    const auto check_run = [&](Words words, const Words& pieces) {
      words.push_back(picture);
      check(run_words(words), pieces);
    };
    check_run({"--dance"}, {"--dance", "ofer run --help"});
    check_run({"--batch", "0"}, {"--batch", "at least 1"});
    check_run({"--batch", "many"}, {"--batch"});
    check_run({"--threads", "-1"}, {"threads"});
    check_run({"--threads", "x"}, {"--threads"});
    check_run({"--precision", "fp8"}, {"fp8", "fp32, tf32, bf16, mixed and fp64"});
    check_run({"--device", "abacus"}, {"abacus", "cpu, cuda"});
    check_run({"--device", "cuda:x"}, {"cuda:x"});
    check_run({"--json", "--table"}, {"--table"});
    check_run({"--no-detect", "--mask", "x.png"}, {"--mask"});
    check_run({"--class", "fear"}, {"--output"});
    check_run({"--gradcam++"}, {"--output"});
    check_run({"-o", ""}, {"--output", "empty"});
    check_run({"-", "-"}, {"standard input", "once"});
    check_run({""}, {"empty"});
    const TemporaryFolder folder;
    const std::string out = folder / "out";
    check_run({"-o", out, "--class", "bliss"}, {"bliss", "surprise, fear"});
    check_run({"-o", out, "--class", "7"}, {"\"7\"", "0 to 6"});
    check_run({"-o", out, "--layer", "attic"}, {"attic", "recognise/"});
    CHECK(folder.entries() == 0);
  }

  TEST_CASE("a device that this build lacks") {
    const Ran ran = run_tiny({sample("portrait.png"), "--device", "cuda"});
    if (ran.code == 0) {  // a build with it, on a machine with it
      CHECK(ran.json()[0]["device"] == "cuda:0");
      return;
    }
    check_failure(ran, 3, {"cuda"});
  }

  TEST_CASE("standard output: full, closed, or left by its reader") {
    const Words words = run_words({sample("portrait.png"), sample("portrait_hand.png")});
    const Ran full = run_ofer(words, "/dev/null", "/dev/full");
    CHECK(full.code == 3);
    CHECK(full.error_says("standard output: cannot write: No space left"));
    CHECK(run_ofer({"--help"}, "/dev/null", "/dev/full").code == 3);

    const Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    Pipe output;
    output.from.close();  // the reader has gone
    Child left(words, nothing.get(), output.to.get());
    CHECK(left.wait() == 3);
    CHECK(left.error_text().empty());

    // A closed standard output must not become one of the pictures.
    const TemporaryFolder folder;
    std::string shell = OFER_COMMAND;
    for (const std::string& word : words) shell += " '" + word + '\'';
    shell += " -o '" + (folder / "out").string() + "' >&- 2>/dev/null";
    const int status = std::system(shell.c_str());
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 3);
    for (const auto& entry : fs::directory_iterator(folder / "out"))
      CHECK_NOTHROW(ofer::load_image(entry.path()));
  }

  TEST_CASE("taps of a run in which every image failed") {
    const TemporaryFolder folder;
    write_file(folder / "old.safetensors", "old");
    const Ran ran = run_tiny({folder / "missing.png", "--taps", folder / "old.safetensors"});
    CHECK(ran.code == 1);
    CHECK(ran.error_says("not written"));
    CHECK(read_file(folder / "old.safetensors") == "old");
    CHECK(folder.entries() == 1);
  }

  TEST_CASE("init: what cannot be") {
    const TemporaryFolder folder;
    const std::string out = folder / "w.safetensors";
    check_failure(run_ofer({"init", "--config", "small"}), 2, {"--output"});
    check_failure(run_ofer({"init", "-o", out}), 2, {"--config"});
    check_failure(run_ofer({"init", "--config", "small", "--seed", "-1", "-o", out}), 2,
                  {"--seed"});
    check_failure(run_ofer({"init", "--config", "medium", "-o", out}), 3,
                  {"medium", "base and small"});
    write_file(folder / "broken.json", "{\"name\": 1");
    check_failure(run_ofer({"init", "--config", folder / "broken.json", "-o", out}), 3,
                  {folder / "broken.json"});
    ordered_json config = ordered_json::parse(ofer::to_json(runnable_config()));
    config["encoder"]["heads"] = 5;
    write_file(folder / "odd.json", config.dump());
    check_failure(run_ofer({"init", "--config", folder / "odd.json", "-o", out}), 3,
                  {folder / "odd.json", "encoder.heads"});
    check_failure(run_ofer({"init", "--config", "small", "-o", folder / "none/w.safetensors"}), 3,
                  {folder / "none"});
    CHECK(folder.entries() == 2);
  }
}
