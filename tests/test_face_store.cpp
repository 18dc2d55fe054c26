// Faces of a data set at one size: the same bytes whatever is kept and whoever reads first.
#include <doctest/doctest.h>

#include <algorithm>
#include <barrier>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "engine/error.h"
#include "engine/image_io.h"
#include "engine/image_resize.h"
#include "ofer/data/face_store.h"
#include "ofer/data/pixel_text.h"
#include "tests/support/error_of.h"
#include "tests/support/random.h"
#include "tests/support/temporary_folder.h"

namespace {

namespace fs = std::filesystem;
using ofer::Dataset;
using ofer::FaceStore;
using ofer::Image;
using ofer::test::error_of;
using ofer::test::has;
using ofer::test::put;
using ofer::test::TemporaryFolder;

Image noise(int width, int height, std::uint64_t seed) {
  ofer::test::Random random(seed);
  Image image(width, height);
  for (std::uint8_t& value : image.pixels) value = static_cast<std::uint8_t>(random.below(256));
  return image;
}

// Twelve pictures of different sizes; 3 and 8 are damaged, 5 is gone.
Dataset make_set(const TemporaryFolder& folder) {
  Dataset dataset;
  for (int i = 0; i < 12; ++i) {
    const fs::path path = folder / (std::to_string(i) + ".png");
    if (i == 3 || i == 8)
      put(path, i == 3 ? "no picture" : "");
    else if (i != 5)
      ofer::save_png(noise(5 + 3 * i, 20 - i, static_cast<std::uint64_t>(i)), path);
    ofer::Sample sample;
    sample.path = path;
    dataset.samples.push_back(sample);
  }
  return dataset;
}

bool is_bad(std::size_t i) {
  return i == 3 || i == 5 || i == 8;
}

}  // namespace

TEST_SUITE("face_store") {
  TEST_CASE("a face is its picture at the store's size, kept or not") {
    const TemporaryFolder folder;
    const Dataset dataset = make_set(folder);
    for (std::size_t faces : {0, 1, 7, 100}) {
      const FaceStore store(dataset, {16, faces * 3 * 16 * 16 + 5});
      CHECK(store.kept() == std::min<std::size_t>(faces, 12));
      for (int round = 0; round < 2; ++round)
        for (std::size_t i = 0; i < 12; ++i) {
          const Image face = store.face(i);
          if (is_bad(i)) {
            CHECK(face.empty());
            continue;
          }
          CHECK(face == ofer::resize_image(ofer::load_image(dataset.samples[i].path), 16, 16));
        }
      // Counted once each, though asked for twice.
      CHECK(store.report().count(ofer::DataProblem::kBadImage) == 3);
      CHECK(store.usable() == std::vector<std::size_t>{0, 1, 2, 4, 6, 7, 9, 10, 11});
    }
  }

  TEST_CASE("kept faces outlive their files, the others do not") {
    const TemporaryFolder folder;
    const Dataset dataset = make_set(folder);
    const FaceStore store(dataset, {8, 2 * 3 * 8 * 8});
    store.check_all(2);
    const Image first = store.face(0);
    for (std::size_t i = 0; i < 12; ++i) fs::remove(dataset.samples[i].path);
    CHECK(store.face(0) == first);
    CHECK(!store.face(1).empty());
    CHECK(store.face(2).empty());
    CHECK(store.report().count(ofer::DataProblem::kBadImage) == 4);
  }

  TEST_CASE("threads in any order read the same and report the same") {
    const TemporaryFolder folder;
    Dataset dataset = make_set(folder);
    dataset.report = ofer::DataReport(2);
    const FaceStore alone(dataset, {12, 1 << 20});
    alone.check_all(1);
    for (int round = 0; round < 8; ++round) {
      const FaceStore store(dataset, {12, 6 * 3 * 12 * 12});
      std::vector<std::vector<Image>> read(4, std::vector<Image>(12));
      std::vector<std::thread> threads;
      for (std::size_t t = 0; t < read.size(); ++t)
        threads.emplace_back([&, t] {
          for (std::size_t k = 0; k < 12; ++k) {
            const std::size_t i = (t % 2 ? k : 11 - k);
            read[t][i] = store.face(i);
          }
        });
      for (std::thread& thread : threads) thread.join();
      for (const std::vector<Image>& images : read)
        for (std::size_t i = 0; i < 12; ++i) REQUIRE(images[i] == alone.face(i));
      const ofer::DataReport report = store.report();
      CHECK(report.count(ofer::DataProblem::kBadImage) == 3);
      CHECK(report.examples(ofer::DataProblem::kBadImage) ==
            alone.report().examples(ofer::DataProblem::kBadImage));
      REQUIRE(report.examples(ofer::DataProblem::kBadImage).size() == 2);
      CHECK(has(report.examples(ofer::DataProblem::kBadImage)[0], "3.png"));
    }
  }

  TEST_CASE("a failure that several threads meet at once is one failure") {
    Dataset dataset;
    dataset.samples.resize(200);
    for (ofer::Sample& sample : dataset.samples) sample.path = "/nowhere/at/all.png";
    const FaceStore store(dataset, {4, 0});
    std::barrier start(4);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (std::size_t i = 0; i < 200; ++i) {
          start.arrive_and_wait();
          store.face(i);
        }
      });
    for (std::thread& thread : threads) thread.join();
    CHECK(store.report().count(ofer::DataProblem::kBadImage) == 200);
    CHECK(store.usable().empty());
  }

  TEST_CASE("pixels as text inside a table") {
    const TemporaryFolder folder;
    std::string text, table = "emotion,pixels\n0,";
    const Image truth = noise(48, 48, 9);
    for (std::size_t i = 0; i < ofer::kPixelTextValues; ++i)
      text += (i ? " " : "") + std::to_string(truth.pixels[3 * i]);
    put(folder / "fer2013.csv", table + text + "\n");
    ofer::DatasetOptions options;
    options.labels = {"anger", "fear"};
    const Dataset dataset = ofer::load_dataset(folder / "", options);
    const FaceStore store(dataset, {48, 0});
    const Image face = store.face(0);
    REQUIRE(!face.empty());
    for (std::size_t i = 0; i < face.pixels.size(); ++i)
      REQUIRE(face.pixels[i] == truth.pixels[i / 3 * 3]);
    // Cut short behind the store's back.
    put(folder / "fer2013.csv", table + text.substr(0, 100));
    CHECK(store.face(0).empty());
    CHECK(has(store.report().examples(ofer::DataProblem::kBadImage).at(0), "changed meanwhile"));
  }

  TEST_CASE("wrong arguments are refused") {
    const TemporaryFolder folder;
    const Dataset dataset = make_set(folder);
    CHECK(has(error_of([&] { FaceStore(dataset, {0, 0}); }), "bad argument"));
    CHECK(has(error_of([&] { FaceStore(dataset, {1 << 20, 0}); }), "bad argument"));
    const FaceStore store(dataset, {4, 0});
    CHECK(has(error_of([&] { store.face(12); }), "face 12 of 12"));
    CHECK(has(error_of([&] { store.check_all(0); }), "at least 1"));
    Dataset empty;
    const FaceStore none(empty, {4, 100});
    none.check_all(3);
    CHECK(none.size() == 0);
  }
}
