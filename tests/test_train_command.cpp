// `ofer train` as a user runs it: folders, stops, resumes, and data that are not as they should be.
#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "engine/image_io.h"
#include "tests/support/command.h"
#include "tests/support/error_of.h"
#include "tests/support/random.h"

namespace ofer::test {
namespace {

// Faces by class, drawn.
void draw_faces(const std::filesystem::path& folder, int each) {
  int number = 0;
  for (const char* label : {"happiness", "neutral"}) {
    std::filesystem::create_directories(folder / label);
    for (int i = 0; i < each; ++i) {
      Image image(32, 32);
      Random random(static_cast<std::uint64_t>(++number));
      for (std::uint8_t& pixel : image.pixels)
        pixel = static_cast<std::uint8_t>(random.between(number * 9, number * 9 + 60));
      save_png(image, folder / label / (std::to_string(i) + ".png"));
    }
  }
}

std::string tiny_config(const TemporaryFolder& folder) {
  const std::string path = (folder / "config.json").string();
  write_file(path, to_json(runnable_config()));
  return path;
}

Words train_words(const TemporaryFolder& folder, const std::string& run, const Words& more = {}) {
  Words words{"train",    "mae",
              "--data",   (folder / "faces").string(),
              "--config", (folder / "config.json").string(),
              "-o",       (folder / run).string(),
              "--set",    "batch=4",
              "--set",    "epochs=8",
              "--set",    "average=0.9"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_SUITE("train_command") {
  TEST_CASE("a run leaves weights that say how they came about, and that run") {
    const TemporaryFolder folder;
    draw_faces(folder / "faces", 5);
    tiny_config(folder);
    const Ran ran = run_ofer(train_words(folder, "run"));
    CAPTURE(ran.err);
    REQUIRE(ran.code == 0);
    const auto summary = ran.json().at(0);
    CHECK(summary["faces"] == 10);
    CHECK(summary["steps"] == 16);  // 8 epochs of 2
    CHECK(summary["finished"] == true);
    const std::string weights = (folder / "run" / "weights.safetensors").string();
    const auto told = run_ofer({"inspect", weights}).json().at(0);
    CHECK(told["trained"] == true);
    CHECK(told["checksum"] == "good");
    CHECK(has(told["licence"], "the terms of the data"));
    CHECK(has(told["provenance"], "ofer train on 10 faces, recipe {\"stage\":\"mae\",\"seed\":1,"));
    CHECK(run_ofer({"run", "-m", weights, sample("portrait.png")}).code == 0);
    const Words lines = [&] {
      Ran log;
      log.out = read_file(folder / "run" / "log.jsonl");
      return log.lines();
    }();
    REQUIRE(lines.size() == 2);  // after ten steps, and behind the last
    CHECK(nlohmann::json::parse(lines[1])["step"] == 16);
    CHECK(nlohmann::json::parse(lines[1])["images_per_second"] > 0);
    // The page: what was told, a curve, pictures; nothing that runs or is loaded.
    const std::string page = read_file(folder / "run" / "report.html");
    for (const char* part : {"Training: mae", "masks.min_share", "<svg", "gradient_norm",
                             "data:image/png;base64,", "</html>"})
      CHECK_MESSAGE(has(page, part), part);
    CHECK_FALSE(has(page, "<script"));
    // It goes on from weights as well.
    Words again = train_words(folder, "more", {"--set", "epochs=1"});
    again[4] = "-m";
    again[5] = weights;
    again.resize(again.size() - 8);
    again.insert(again.end(), {"--set", "epochs=1", "--set", "batch=4"});
    CHECK(run_ofer(again).code == 0);
  }

  TEST_CASE("stopped and resumed: the weights of a run that was never stopped") {
    const TemporaryFolder folder;
    draw_faces(folder / "faces", 6);
    tiny_config(folder);
    const Words longer{"--set", "seed=5", "--set", "optimiser.weight_decay=0.1"};
    REQUIRE(run_ofer(train_words(folder, "whole", longer)).code == 0);
    Words part = train_words(folder, "part", longer);
    part.insert(part.end(), {"--checkpoint-minutes", "0"});
    {
      // Stopped as soon as a step was saved; started again until it is through.
      const Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
      Child child(part, nothing.get(), nothing.get());
      while (!std::filesystem::exists(folder / "part" / "checkpoint.safetensors"))
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      ::kill(child.pid(), SIGTERM);
      const int code = child.wait();
      CHECK((code == 128 + SIGTERM || code == 0));
    }
    part.push_back("--resume");
    REQUIRE(run_ofer(part).code == 0);
    const Ran same = run_ofer({"inspect", (folder / "whole" / "weights.safetensors").string(),
                               (folder / "part" / "weights.safetensors").string()});
    CHECK(same.code == 0);
    // The log has every line once.
    Ran log;
    log.out = read_file(folder / "part" / "log.jsonl");
    std::int64_t last = 0;
    for (const auto& line : log.json()) {
      CHECK(line["step"].get<std::int64_t>() > last);
      last = line["step"].get<std::int64_t>();
    }
    CHECK(last == 24);
  }

  TEST_CASE("all: every stage from the one before, and again only what is missing") {
    const TemporaryFolder folder;
    draw_faces(folder / "faces", 6);
    tiny_config(folder);
    const std::string plan = (folder / "plan.json").string();
    Words print{"train", "all", "--config", (folder / "config.json").string(), "--print-recipe"};
    for (int stage = 0; stage < 5; ++stage)
      for (const char* setting : {"epochs=2", "batch=4", "average=0.9"})
        print.insert(print.end(), {"--set", message("stages.", stage, ".", setting)});
    print.insert(print.end(), {"--set", "stages.3.reconstruct.discriminator_width=2", "--set",
                               "stages.4.recognise.blend_with=3-recognise"});
    const Ran printed = run_ofer(print);
    REQUIRE(printed.code == 0);
    write_file(plan, printed.out);
    const Words run{"train",    "all",
                    "--data",   (folder / "faces").string(),
                    "--config", (folder / "config.json").string(),
                    "--recipe", plan,
                    "-o",       (folder / "run").string()};
    const Ran ran = run_ofer(run);
    CAPTURE(ran.err);
    REQUIRE(ran.code == 0);
    const auto lines = ran.json();
    REQUIRE(lines.size() == 5);
    const char* const stages[] = {"mae", "svdd", "recognise", "reconstruct", "recognise"};
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK(lines[i]["stage"] == stages[i]);
      CHECK(lines[i]["finished"] == true);
      CHECK(std::filesystem::exists(folder / "run" / message(i + 1, "-", stages[i]) /
                                    "weights.safetensors"));
    }
    const std::string weights = read_file(folder / "run" / "weights.safetensors");
    const auto told =
        run_ofer({"inspect", (folder / "run" / "weights.safetensors").string()}).json().at(0);
    CHECK(told["trained"] == true);
    for (const char* stage : stages)
      CHECK(has(told["provenance"], message("\"stage\":\"", stage, "\"")));
    // A stage whose foundation is made again is not passed over.
    std::filesystem::copy(folder / "run", folder / "other",
                          std::filesystem::copy_options::recursive);
    std::filesystem::remove_all(folder / "other" / "3-recognise");
    Words stale = run;
    stale.back() = (folder / "other").string();
    stale.push_back("--resume");
    const Ran refused = run_ofer(stale);
    CHECK(refused.code == 2);
    CHECK(refused.error_says("4-reconstruct: was made from the weights"));
    // The third stage is lost, and those behind it: they are made again, with the same bits.
    for (const char* lost : {"3-recognise", "4-reconstruct", "5-recognise"})
      std::filesystem::remove_all(folder / "run" / lost);
    Words again = run;
    again.push_back("--resume");
    const Ran resumed = run_ofer(again);
    CHECK(resumed.code == 0);
    CHECK(resumed.json().size() == 3);
    CHECK(resumed.error_says("1-mae: has ended"));
    CHECK(read_file(folder / "run" / "weights.safetensors") == weights);
    CHECK(run_ofer({"train", "all", "--recipe", plan, "--config", "small"}).error_says("--data"));
    CHECK(run_ofer({"train", "nap", "--data", "x", "-o", "y"}).error_says("recognise, all"));
  }

  TEST_CASE("a resume with something else is refused, and told what") {
    const TemporaryFolder folder;
    draw_faces(folder / "faces", 4);
    tiny_config(folder);
    REQUIRE(run_ofer(train_words(folder, "run")).code == 0);
    const std::string before = read_file(folder / "run" / "checkpoint.safetensors");
    const auto refused = [&](const Words& words, const std::string& says) {
      const Ran ran = run_ofer(words);
      CAPTURE(ran.err);
      CHECK(ran.code == 2);
      CHECK(ran.error_lines() == 1);
      CHECK(ran.error_says(says));
      CHECK(read_file(folder / "run" / "checkpoint.safetensors") == before);
    };
    refused(train_words(folder, "run"), "holds a run; --resume");
    refused(train_words(folder, "none", {"--resume"}), "no run to resume");
    refused(
        train_words(folder, "run", {"--resume", "--set", "schedule.rate=0.5", "--set", "seed=9"}),
        "another recipe (seed, schedule.rate)");
    Config other = runnable_config();
    other.decoder.norm_pix_loss = true;
    write_file(folder / "config.json", to_json(other));
    refused(train_words(folder, "run", {"--resume"}),
            "another configuration (decoder.norm_pix_loss)");
    tiny_config(folder);
    refused(train_words(folder, "run", {"--resume", "--precision", "fp64"}), "float32");
    std::filesystem::remove(folder / "faces" / "neutral" / "1.png");
    refused(train_words(folder, "run", {"--resume"}), "another data");
    draw_faces(folder / "faces", 4);
    CHECK(run_ofer(train_words(folder, "run", {"--resume"})).code == 0);  // through already
  }

  TEST_CASE(
      "the recogniser: accuracy in the log, a list of patches made anew, labels that are not") {
    const TemporaryFolder folder;
    draw_faces(folder / "faces" / "train", 6);
    draw_faces(folder / "faces" / "val", 3);
    std::filesystem::create_directories(folder / "faces" / "train" / "sulking");
    write_file(folder / "faces" / "train" / "sulking" / "0.png",
               read_file(folder / "faces" / "train" / "neutral" / "0.png"));
    tiny_config(folder);
    const auto words = [&](const std::string& run, const Words& more) {
      Words all = train_words(folder, run, more);
      all[1] = "recognise";
      return all;
    };
    const Words measured{"--set", "recognise.validate=2", "--set", "recognise.relist=true"};
    const Ran ran = run_ofer(words("run", measured));
    CAPTURE(ran.err);
    REQUIRE(ran.code == 0);
    CHECK(ran.error_says("left out: 1 unknown label"));
    CHECK(ran.error_says("no face is labelled anger"));
    CHECK(ran.error_says("train once more from these weights"));
    CHECK(ran.json().at(0)["faces"] == 12);
    Ran log;
    log.out = read_file(folder / "run" / "log.jsonl");
    std::vector<std::int64_t> steps;
    for (const auto& line : log.json()) {
      if (!line.contains("accuracy")) continue;
      steps.push_back(line["step"].get<std::int64_t>());
      CHECK(line["accuracy"] >= 0);
      CHECK(line["accuracy"] <= 1);
    }
    CHECK(steps == std::vector<std::int64_t>{6, 12, 18, 24});  // epochs have three steps
    const std::string weights = (folder / "run" / "weights.safetensors").string();
    CHECK(load_weights(weights).config.recogniser.latent_patches !=
          runnable_config().recogniser.latent_patches);
    CHECK(run_ofer({"run", "-m", weights, sample("portrait.png")}).code == 0);
    // Once more from them.
    Words again = words("more", {});
    std::replace(again.begin(), again.end(), std::string("epochs=8"), std::string("epochs=1"));
    again[4] = "-m";
    again[5] = weights;
    CHECK(run_ofer(again).code == 0);

    std::filesystem::remove_all(folder / "faces" / "val");
    CHECK(run_ofer(words("a", measured)).error_says("\"val\" is empty"));
    std::filesystem::remove_all(folder / "faces" / "train" / "neutral");
    const Ran one = run_ofer(words("b", {}));
    CHECK(one.code == 3);
    CHECK(one.error_says("every face is labelled happiness"));
  }

  TEST_CASE("a recogniser becomes the mean of itself and another one") {
    const TemporaryFolder folder;
    draw_faces(folder / "faces", 6);
    tiny_config(folder);
    const auto words = [&](const std::string& run, const Words& more) {
      Words all = train_words(folder, run, more);
      all[1] = "recognise";
      return all;
    };
    const auto weights = [&](const std::string& run) {
      return (folder / run / "weights.safetensors").string();
    };
    REQUIRE(run_ofer(words("one", {})).code == 0);
    REQUIRE(run_ofer(words("two", {"--set", "seed=5"})).code == 0);
    REQUIRE(run_ofer(
                words("both", {"--set", "seed=5", "--set", "recognise.blend_with=" + weights("one"),
                               "--set", "recognise.blend=0.25"}))
                .code == 0);
    const LoadedWeights one = load_weights(weights("one")), two = load_weights(weights("two")),
                        both = load_weights(weights("both"));
    std::size_t moved = 0;
    for (const auto& [name, tensor] : *both.model) {
      const auto values = [&](const LoadedWeights& of) {
        return of.model->find(name).template data<float>();
      };
      const bool blended =
          name.starts_with("recogniser.") && !name.starts_with("recogniser.classifier.latent");
      for (std::int64_t i = 0; i < tensor.elements(); ++i) {
        const double own = values(two)[i], other = values(one)[i];
        const auto expected = static_cast<float>(blended ? 0.75 * own + 0.25 * other : own);
        if (blended && own != other) ++moved;
        REQUIRE(tensor.data<float>()[i] == expected);
      }
    }
    CHECK(moved > 100);
    CHECK(has(run_ofer({"inspect", weights("both")}).json().at(0)["provenance"], "blend_with"));

    const auto error = [&](const std::string& run, const std::string& file) {
      return run_ofer(words(run, {"--set", "recognise.blend_with=" + file}));
    };
    CHECK(error("a", "/nowhere").code == 3);
    REQUIRE(run_ofer({"pack", "-m", weights("one"), "-o", (folder / "packed").string()}).code == 0);
    CHECK(error("b", (folder / "packed").string()).error_says("not packed"));
    CHECK(!std::filesystem::exists(folder / "b" / "checkpoint.safetensors"));
    CHECK(run_ofer(words("c", {"--set", "recognise.blend=2"})).code == 2);
    const Ran plan = run_ofer({"train", "all", "--data", (folder / "faces").string(), "--config",
                               (folder / "config.json").string(), "-o", (folder / "plan").string(),
                               "--set", "stages.2.recognise.blend_with=3-recognise"});
    CHECK(plan.code == 2);
    CHECK(plan.error_says("neither the folder of an earlier stage"));
    CHECK(!std::filesystem::exists(folder / "plan" / "1-mae"));
  }

  TEST_CASE("data that are not as they should be") {
    const TemporaryFolder folder;
    tiny_config(folder);
    CHECK(run_ofer(train_words(folder, "a")).code == 3);  // no such folder
    std::filesystem::create_directories(folder / "faces");
    CHECK(run_ofer(train_words(folder, "a")).code == 3);  // empty
    draw_faces(folder / "faces", 4);
    write_file(folder / "faces" / "neutral" / "broken.png", "no picture");
    std::string bytes = read_file(folder / "faces" / "neutral" / "0.png");
    write_file(folder / "faces" / "neutral" / "cut.png", bytes.substr(0, bytes.size() / 2));
    const Ran ran = run_ofer(train_words(folder, "b"));
    CHECK(ran.code == 0);
    CHECK(ran.error_says("left out: 2 "));
    CHECK(ran.error_says("broken.png"));
    CHECK(ran.json().at(0)["faces"] == 8);
    const Ran large = run_ofer(train_words(folder, "c", {"--set", "masks.blobs=0"}));
    CHECK(large.code == 2);
    CHECK(large.error_says("masks: blobs"));
    Words wide = train_words(folder, "d");
    std::replace(wide.begin(), wide.end(), std::string("batch=4"), std::string("batch=99"));
    CHECK(run_ofer(wide).error_says("a batch of 99 cannot be drawn from 8 faces"));
    CHECK(run_ofer(train_words(folder, "e", {"--set", "nothing=1"})).error_says("no field"));
    CHECK(run_ofer(train_words(folder, "f", {"--device", "abacus"})).code == 2);
    Words stage = train_words(folder, "g");
    stage[1] = "everything";
    CHECK(run_ofer(stage).error_says("there are: mae"));
    // Numbers that go astray end the run; what was saved stays.
    const Ran astray =
        run_ofer(train_words(folder, "h",
                             {"--set", "schedule.rate=1e30", "--set", "optimiser.clip=0", "--set",
                              "schedule.warm_up=0", "--checkpoint-minutes", "0"}));
    CHECK(astray.code == 2);
    CHECK(astray.error_says("is not finite"));
    CHECK(std::filesystem::exists(folder / "h" / "checkpoint.safetensors"));
  }
}

}  // namespace ofer::test
