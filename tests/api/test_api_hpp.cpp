// ofer.hpp, as an embedding program has it: C++17, and no header of the library but these.
#include "ofer/ofer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

namespace ofer_test {

std::string weights_for_hpp();  // hpp_weights.cpp, which sees the inside

namespace {

std::vector<std::uint8_t> pixels(int width, int height, int seed) {
  std::vector<std::uint8_t> values(static_cast<std::size_t>(3 * width * height));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::uint8_t>(128 + 100 * std::sin(0.004 * double(i) * (seed + 1)));
  return values;
}

}  // namespace

TEST_SUITE("api_hpp") {
  TEST_CASE("faces in, expressions out") {
    const ofer::Model model = ofer::Model::load(weights_for_hpp());
    ofer::Session session(model);
    const auto one = pixels(40, 50, 1), two = pixels(64, 33, 2);
    const std::vector<ofer_image> images = {ofer::image(one.data(), 40, 50),
                                            ofer::image(two.data(), 64, 33, OFER_BGR)};
    const ofer::Results results = session.analyse(images);
    REQUIRE(results.labels.size() == 2);
    CHECK(results.probabilities.size() == 14);
    CHECK(results.masks.size() == 32);
    CHECK(results.restored.empty());
    CHECK(!model.label(results.labels[1]).empty());
    CHECK(model.labels().size() == 7);
    CHECK(model.grad_cam_layers().size() == 3);
    CHECK(model.metadata("trained") == "false");
    CHECK(session.radius() > 0);
    CHECK(session.times().total > 0);

    ofer::Request request;
    request.distances = request.chosen = request.coarse = request.restored = true;
    request.attention = request.grad_cam = request.latents = true;
    const ofer::Results all = session.analyse(images, request);
    CHECK(all.probabilities == results.probabilities);
    CHECK(all.distances.size() == 32);
    CHECK(all.grad_cam.size() % 2 == 0);
    CHECK(!all.latents.empty());
    for (const float value : all.restored) REQUIRE(std::isfinite(value));

    const ofer::Results found = session.detect(images);
    CHECK(found.masks == all.masks);
    CHECK(found.distances == all.distances);
    CHECK(found.labels.empty());
    const ofer::Results restored = session.restore(images, found.masks);
    CHECK(restored.restored == all.restored);
    CHECK(session.recognise(images).labels.size() == 2);
  }

  TEST_CASE("floats, moves, models by other ways") {
    const std::string path = weights_for_hpp();
    std::vector<char> content;
    if (std::FILE* file = std::fopen(path.c_str(), "rb")) {
      for (int c; (c = std::fgetc(file)) != EOF;) content.push_back(static_cast<char>(c));
      std::fclose(file);
    }
    std::vector<ofer::Model> models;
    models.push_back(ofer::Model::load(path));
    models.push_back(ofer::Model::from_memory(content.data(), content.size()));
    models.push_back(ofer::Model::from_reader(
        [&](std::uint64_t offset, void* buffer, std::size_t bytes) {
          std::memcpy(buffer, content.data() + offset, bytes);
        },
        content.size()));
    const std::vector<float> values(30 * 30 * 3, 0.25f);
    std::vector<std::vector<float>> got;
    for (ofer::Model& model : models) {
      ofer::Session first(model);
      ofer::Session session = std::move(first);
      model = ofer::Model::load(path);  // the session keeps what it needs
      got.push_back(session.analyse({ofer::image(values.data(), 30, 30)}).probabilities);
    }
    CHECK(got[0] == got[1]);
    CHECK(got[0] == got[2]);
  }

  TEST_CASE("failures are exceptions, the caller's own included") {
    CHECK_THROWS_AS(ofer::Model::load("/nowhere"), ofer::Error);
    try {
      (void)ofer::Model::load("/nowhere");
    } catch (const ofer::Error& error) {
      CHECK(error.status() == OFER_IO);
      CHECK(std::string(error.what()).find("/nowhere") != std::string::npos);
    }
    struct Own {};
    CHECK_THROWS_AS(
        ofer::Model::from_reader([](std::uint64_t, void*, std::size_t) { throw Own(); }, 4096),
        Own);
    const ofer::Model model = ofer::Model::load(weights_for_hpp());
    CHECK_THROWS_WITH_AS(model.label(12), "no label 12; there are 0 to 6", ofer::Error);
    ofer::Session session(model);
    const auto one = pixels(40, 50, 1);
    const std::vector<ofer_image> images = {ofer::image(one.data(), 40, 50)};
    const ofer::Results expected = session.analyse(images);
    CHECK_THROWS_AS(session.analyse({ofer::image(one.data(), 0, 50)}), ofer::Error);
    CHECK_THROWS_AS(session.analyse({}), ofer::Error);

    session.set_progress([](int stage, std::size_t, std::size_t) {
      if (stage == OFER_STAGE_RESTORE) throw Own();
    });
    CHECK_THROWS_AS(session.analyse(images), Own);
    session.set_progress({});
    int seen = 0;
    session.set_tap([&](const ofer_tensor&) { ++seen; },
                    [](std::string_view name) { return name == "reconstruct/latent"; });
    CHECK(session.analyse(images).probabilities == expected.probabilities);
    CHECK(seen == 1);
    session.set_tap([](const ofer_tensor&) { throw Own(); });
    CHECK_THROWS_AS(session.analyse(images), Own);
    session.set_tap([](const ofer_tensor&) {}, [](std::string_view) -> bool { throw Own(); });
    CHECK_THROWS_AS(session.analyse(images), Own);
    session.set_tap({});
    CHECK(session.analyse(images).probabilities == expected.probabilities);
    session.cancel();
    CHECK_THROWS_AS(session.analyse(images), ofer::Error);
    CHECK(session.analyse(images).probabilities == expected.probabilities);
  }
}

}  // namespace ofer_test
