// The pipeline as a caller sees it: requests, refusals, cancellation, memory.
#include <doctest/doctest.h>

#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <thread>

#include "ofer/pipeline.h"
#include "tests/support/allocations.h"
#include "weights/weight_file.h"

namespace ofer {
namespace {

// Untrained weights of the small configuration, made once.
const std::string& weights() {
  struct File {
    std::string path = (std::filesystem::temp_directory_path() /
                        ("ofer-pipeline-" + std::to_string(getpid()) + ".safetensors"))
                           .string();
    File() { write_initial_weights(builtin_config("small"), 3, path); }
    ~File() {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
    }
  };
  static const File file;
  return file.path;
}

std::shared_ptr<const Network> network() {
  static const std::shared_ptr<const Network> loaded = Network::load(weights());
  return loaded;
}

Pipeline make_pipeline(int threads = 2) {
  SessionOptions options;
  options.threads = threads;
  return Pipeline(network(), options);
}

Image picture(int seed, int width = 150, int height = 130) {
  Image image(width, height);
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<std::uint8_t>(
        128 + 100 * std::sin(0.003 * static_cast<double>(i) * (seed + 1)));
  return image;
}

std::vector<Image> pictures(int count) {
  std::vector<Image> result;
  for (int i = 0; i < count; ++i) result.push_back(picture(i));
  return result;
}

std::size_t patches() { return static_cast<std::size_t>(network()->config().patch_count()); }

}  // namespace

TEST_SUITE("pipeline") {
  TEST_CASE("a result is complete and consistent") {
    Pipeline pipeline = make_pipeline();
    Request request;
    request.coarse = request.restored = request.attention = request.latent = true;
    request.grad_cam = true;
    for (const Result& r : pipeline.run(pictures(2), request)) {
      REQUIRE(r.probabilities.size() == network()->labels().size());
      CHECK(std::accumulate(r.probabilities.begin(), r.probabilities.end(), 0.0) ==
            doctest::Approx(1));
      for (const float p : r.probabilities)
        CHECK(p <= r.probabilities[static_cast<std::size_t>(r.label)]);
      REQUIRE(r.occluded.size() == patches());
      REQUIRE(r.distance.size() == patches());
      for (std::size_t i = 0; i < patches(); ++i)
        CHECK((r.occluded[i] == 1) == (r.distance[i] > r.radius * r.radius));
      CHECK(r.chosen.size() == patches() / 2);  // by the image's own attention
      CHECK(r.coarse.values.size() == 3u * 112 * 112);
      CHECK(r.restored.values.size() == 3u * 128 * 128);
      CHECK(r.attention.values.size() == patches());
      CHECK(r.latent.values.size() == patches() * 128);
      CHECK(r.grad_cam.values.size() > 0);
      for (const float v : r.restored.values) CHECK((v >= 0 && v <= 1));
      CHECK(r.time_ms.total > 0);
    }
  }

  TEST_CASE("what was not asked for is not there") {
    Pipeline pipeline = make_pipeline();
    Request request;
    request.mask = MaskSource::kNone;
    const Result r = pipeline.run(pictures(1), request)[0];
    CHECK(r.distance.empty());
    CHECK(r.coarse.values.empty());
    CHECK(r.restored.values.empty());
    CHECK(r.grad_cam.values.empty());
    CHECK(std::accumulate(r.occluded.begin(), r.occluded.end(), 0) == 0);
  }

  TEST_CASE("a given mask is the one that is used; a covered patch changes the picture") {
    Pipeline pipeline = make_pipeline();
    Request request;
    request.mask = MaskSource::kGiven;
    request.restored = true;
    std::vector<std::uint8_t> mask(2 * patches(), 0);
    mask[5] = 7;  // any non-zero value covers
    const std::vector<Result> r = pipeline.run(pictures(2), request, mask);
    CHECK(r[0].occluded[5] == 1);
    CHECK(std::accumulate(r[0].occluded.begin(), r[0].occluded.end(), 0) == 1);
    request.mask = MaskSource::kNone;
    const std::vector<Result> clean = pipeline.run(pictures(2), request);
    CHECK(r[0].restored.values != clean[0].restored.values);
    CHECK(r[1].restored.values == clean[1].restored.values);
  }

  TEST_CASE("the classifier sees the chosen latents, all of them, or none") {
    Config config = builtin_config("small");
    const auto check = [&](LatentSelection selection) {
      config.recogniser.latent_selection = selection;
      const bool fixed = selection == LatentSelection::kFixed;
      config.recogniser.latent_patches =
          fixed ? builtin_config("base").recogniser.latent_patches : std::vector<int>();
      const std::string path = weights() + ".latents";
      write_initial_weights(config, 3, path);
      SessionOptions options;
      options.threads = 2;
      Pipeline pipeline(Network::load(path), options);
      std::filesystem::remove(path);
      std::vector<float> seen;
      pipeline.session().set_tap([&](std::string_view name, const Tensor& tensor) {
        if (name != "recognise/latent") return;
        seen.assign(tensor.data<float>(), tensor.data<float>() + tensor.elements());
      });
      Request request;
      request.mask = MaskSource::kNone;
      request.latent = true;
      // The one that needs the least memory first: what was planned for it must do for the others.
      request.latent_use = LatentUse::kNone;
      const Result none = pipeline.run(pictures(1), request)[0];
      CHECK(none.chosen.empty());
      REQUIRE(!seen.empty());
      for (const float value : seen) REQUIRE(value == 0);
      const std::size_t length = seen.size();

      request.latent_use = LatentUse::kChosen;
      const Result some = pipeline.run(pictures(1), request)[0];
      CHECK(pipeline.session().workspace().growths() == 0);
      CHECK(some.chosen.size() ==
            (fixed ? config.recogniser.latent_patches.size() : patches() / 2));
      CHECK(some.probabilities != none.probabilities);
      CHECK(seen.size() == length);
      const auto width = static_cast<std::size_t>(config.latent_width());
      for (std::size_t i = 0; i < some.chosen.size(); ++i) {
        const auto patch = static_cast<std::size_t>(some.chosen[i]);
        const std::size_t place = fixed ? i : patch;
        CHECK(std::equal(seen.begin() + static_cast<std::ptrdiff_t>(place * width),
                         seen.begin() + static_cast<std::ptrdiff_t>((place + 1) * width),
                         some.latent.values.begin() + static_cast<std::ptrdiff_t>(patch * width)));
      }

      request.latent_use = LatentUse::kAll;
      if (fixed) {
        CHECK_THROWS_WITH_AS(pipeline.run(pictures(1), request),
                             doctest::Contains("chosen by a fixed list"), Error);
      } else {
        const Result all = pipeline.run(pictures(1), request)[0];
        CHECK(pipeline.session().workspace().growths() == 0);
        CHECK(all.chosen.size() == patches());
        CHECK(seen == all.latent.values);
        CHECK(all.probabilities != some.probabilities);
      }
      request.latent_use = LatentUse::kChosen;
      CHECK(pipeline.run(pictures(1), request)[0].probabilities == some.probabilities);
    };
    check(LatentSelection::kFixed);
    check(LatentSelection::kCam);
  }

  TEST_CASE("wrong requests are refused and leave the pipeline usable") {
    Pipeline pipeline = make_pipeline();
    Request request;
    CHECK_THROWS_AS(pipeline.run(std::vector<Image>{}, request), Error);
    CHECK_THROWS_AS(pipeline.run(std::vector<Image>(1), request), Error);  // an empty picture
    request.mask = MaskSource::kGiven;
    CHECK_THROWS_AS(pipeline.run(pictures(1), request, std::vector<std::uint8_t>(3)), Error);
    request.mask = MaskSource::kDetect;
    request.grad_cam = true;
    request.grad_cam_class = 7;
    CHECK_THROWS_AS(pipeline.run(pictures(1), request), Error);
    request.grad_cam_class = 0;
    request.grad_cam_layer = "recognise/nowhere";
    CHECK_THROWS_AS(pipeline.run(pictures(1), request), Error);
    request.grad_cam_layer = "recognise/head1/spatial";
    CHECK(pipeline.run(pictures(1), request)[0].grad_cam.values.size() == 16);
    SessionOptions wide;
    wide.precision = Precision::kF64;
    CHECK_THROWS_AS(Pipeline(network(), wide), Error);
  }

  TEST_CASE("cancelled at any tap, the next call works and gives the same bits") {
    Pipeline pipeline = make_pipeline();
    Request request;
    request.grad_cam = true;
    const std::vector<Result> expected = pipeline.run(pictures(1), request);
    int taps = 0;
    pipeline.session().set_tap([&](std::string_view, const Tensor&) { ++taps; });
    pipeline.run(pictures(1), request);
    REQUIRE(taps > 50);
    for (int at = 0; at < taps; at += 13) {
      int seen = 0;
      pipeline.session().set_tap([&](std::string_view, const Tensor&) {
        if (seen++ == at) pipeline.session().cancel();
      });
      if (at + 1 < taps) {
        try {
          pipeline.run(pictures(1), request);
          FAIL("not cancelled");
        } catch (const Error& error) {
          CHECK(error.code() == ErrorCode::kCancelled);
        }
      }
      pipeline.session().set_tap({});
      const std::vector<Result> again = pipeline.run(pictures(1), request);
      CHECK(again[0].probabilities == expected[0].probabilities);
      CHECK(again[0].grad_cam.values == expected[0].grad_cam.values);
    }
  }

  TEST_CASE("a tap that throws leaves the pipeline usable") {
    Pipeline pipeline = make_pipeline();
    const std::vector<Result> expected = pipeline.run(pictures(1), {});
    pipeline.session().set_tap([](std::string_view name, const Tensor&) {
      if (name == "reconstruct/coarse") throw std::runtime_error("no more");
    });
    CHECK_THROWS_AS(pipeline.run(pictures(1), {}), std::runtime_error);
    pipeline.session().set_tap({});
    CHECK(pipeline.run(pictures(1), {})[0].probabilities == expected[0].probabilities);
  }

  TEST_CASE("after the first pass nothing is allocated but the results") {
    Pipeline pipeline = make_pipeline();
    Request request;
    request.grad_cam = true;
    const std::vector<Image> images = pictures(3);
    // Masks of different sizes: shapes that depend on data fit into what was counted.
    std::vector<std::uint8_t> mask(3 * patches());
    const auto run = [&](int step) {
      request.mask = step % 2 == 0 ? MaskSource::kDetect : MaskSource::kGiven;
      for (std::size_t i = 0; i < mask.size(); ++i)
        mask[i] = (i * 7919 + static_cast<std::size_t>(step) * 104729) % 10 <
                  static_cast<std::size_t>(step);
      pipeline.run(images, request, mask);
    };
    for (int step = 0; step <= 10; ++step) run(step);
    const std::size_t reserved = pipeline.session().workspace().reserved();
    for (int step = 0; step <= 10; ++step) {
      const std::size_t before = test::allocated_bytes();
      run(step);
      INFO("step ", step);
      CHECK(pipeline.session().workspace().growths() == 0);
      CHECK(pipeline.session().workspace().reserved() == reserved);
      // Results: labels, distances, masks, indices, maps; less than 8 KB for each image.
      if (test::allocations_counted()) CHECK(test::allocated_bytes() - before < 3 * 8192);
    }
    // A smaller batch fits as well, and so does the larger one after it.
    pipeline.run(pictures(1), request, std::vector<std::uint8_t>(patches()));
    run(3);
    CHECK(pipeline.session().workspace().reserved() == reserved);
  }

  TEST_CASE("eight threads share one network") {
    Request request;
    request.restored = true;
    Pipeline alone = make_pipeline(1);
    std::vector<Result> expected;
    for (int i = 0; i < 8; ++i) {
      const Image image = picture(i);
      expected.push_back(alone.run(std::span(&image, 1), request)[0]);
    }
    std::vector<std::thread> threads;
    std::vector<int> same(8, 0);
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&, t] {
        Pipeline pipeline = make_pipeline(1);
        const Image image = picture(t);
        const Result r = pipeline.run(std::span(&image, 1), request)[0];
        const Result& e = expected[static_cast<std::size_t>(t)];
        same[static_cast<std::size_t>(t)] =
            r.probabilities == e.probabilities && r.restored.values == e.restored.values;
      });
    for (std::thread& thread : threads) thread.join();
    for (const int ok : same) CHECK(ok == 1);
  }
}

}  // namespace ofer
