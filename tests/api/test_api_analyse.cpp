// ofer_analyse beside the pipeline inside, bit for bit, and beside the command.
#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/image_io.h"
#include "ofer/pipeline.h"
#include "tests/api/api_support.h"
#include "tests/api/faults.h"
#include "tests/support/command.h"

namespace ofer::test {
namespace {

template <class Values>
Values joined(const std::vector<Result>& results, Values Result::*member) {
  Values all;
  for (const Result& r : results) all.insert(all.end(), (r.*member).begin(), (r.*member).end());
  return all;
}
std::vector<float> joined(const std::vector<Result>& results, Planes Result::*member) {
  std::vector<float> all;
  for (const Result& r : results)
    all.insert(all.end(), (r.*member).values.begin(), (r.*member).values.end());
  return all;
}

// The same picture as RGB floats of 0 to 1.
std::vector<float> in_floats(const Image& image) {
  std::vector<float> values;
  for (const std::uint8_t value : image.pixels) values.push_back(static_cast<float>(value) / 255);
  return values;
}

}  // namespace

TEST_SUITE("api_analyse") {
  TEST_CASE("everything equals the pipeline's, whatever the turns") {
    const ModelHandle model = load_model();
    SessionOptions options;
    options.threads = 1;
    Pipeline pipeline(Network::load(tiny_weights()), options);
    const std::vector<Image> images = drawn_pictures(5);
    const std::vector<ofer_image> given = as_given(images);
    const auto patches = static_cast<std::size_t>(runnable_config().patch_count());
    const std::vector<std::uint8_t> mask = scattered(5, patches);
    for (const int largest : {1, 2, 5, 64})
      for (const int source : {OFER_MASK_DETECT, OFER_MASK_GIVEN, OFER_MASK_NONE}) {
        INFO("turns of ", largest, ", mask ", source);
        const SessionHandle session = make_session(model.get(), 2, largest);
        Everything all(session.get(), model.get(), images.size());
        const ofer_results results = all.results(source == OFER_MASK_DETECT);
        ofer_request request = OFER_REQUEST_INIT;
        request.mask_source = source;
        request.masks = mask.data();
        request.mask_count = mask.size();
        CHECK(ofer_analyse(session.get(), given.data(), given.size(), &request, &results) ==
              OFER_OK);
        CHECK(std::string(ofer_session_error(session.get())).empty());

        Request inside;
        inside.mask = static_cast<MaskSource>(source);
        inside.coarse = inside.restored = inside.attention = inside.latent = inside.grad_cam = true;
        const std::vector<Result> expected = pipeline.run(images, inside, mask);
        for (std::size_t i = 0; i < images.size(); ++i) {
          CHECK(all.labels[i] == expected[i].label);
          std::vector<std::uint8_t> chosen(patches);
          for (const std::int32_t l : expected[i].chosen) chosen[static_cast<std::size_t>(l)] = 1;
          CHECK(std::memcmp(chosen.data(), all.chosen.data() + i * patches, patches) == 0);
        }
        CHECK(all.probabilities == joined(expected, &Result::probabilities));
        CHECK(all.masks == joined(expected, &Result::occluded));
        if (source == OFER_MASK_DETECT) {
          CHECK(all.distances == joined(expected, &Result::distance));
          CHECK(ofer_session_radius(session.get()) == expected[0].radius);
        }
        CHECK(all.coarse == joined(expected, &Result::coarse));
        CHECK(all.restored == joined(expected, &Result::restored));
        CHECK(all.attention == joined(expected, &Result::attention));
        CHECK(all.latents == joined(expected, &Result::latent));
        CHECK(all.grad_cam == joined(expected, &Result::grad_cam));
      }
  }

  TEST_CASE("a picture in memory gives what the command gives, bit for bit") {
    const std::string file = sample("portrait_mask.png");
    const Ran ran = run_tiny({file, "--json", "--threads", "1"});
    REQUIRE(ran.code == 0);
    const nlohmann::json line = nlohmann::json::parse(ran.out);
    const ModelHandle model = load_model();
    const SessionHandle session = make_session(model.get());
    const Image image = load_image(file);
    const ofer_image given = as_given(image);
    Everything all(session.get(), model.get(), 1);
    const ofer_results results = all.results();
    REQUIRE(ofer_analyse(session.get(), &given, 1, nullptr, &results) == OFER_OK);
    CHECK(line.at("label") == ofer_model_label(model.get(), all.labels[0]));
    for (std::size_t c = 0; c < all.probabilities.size(); ++c)
      CHECK(line.at("probabilities")
                .at(ofer_model_label(model.get(), static_cast<int>(c)))
                .get<float>() == all.probabilities[c]);
  }

  TEST_CASE("what is not wanted is neither needed nor touched") {
    const ModelHandle model = load_model();
    const SessionHandle session = make_session(model.get());
    const std::vector<Image> images = drawn_pictures(3);
    const std::vector<ofer_image> given = as_given(images);
    Everything all(session.get(), model.get(), 3), some(session.get(), model.get(), 3);
    const ofer_results everything = all.results();
    REQUIRE(ofer_analyse(session.get(), given.data(), 3, nullptr, &everything) == OFER_OK);
    ofer_results one = OFER_RESULTS_INIT;
    CHECK(ofer_analyse(session.get(), given.data(), 3, nullptr, &one) == OFER_OK);
    one.labels = {some.labels.data(), 3};
    REQUIRE(ofer_analyse(session.get(), given.data(), 3, nullptr, &one) == OFER_OK);
    CHECK(some.labels == all.labels);
    CHECK(std::isnan(some.probabilities[0]));
    one = OFER_RESULTS_INIT;
    one.grad_cam = {some.grad_cam.data(), some.grad_cam.size()};
    REQUIRE(ofer_analyse(session.get(), given.data(), 3, nullptr, &one) == OFER_OK);
    CHECK(some.grad_cam == all.grad_cam);
    CHECK(std::isnan(some.latents[0]));
  }

  TEST_CASE("pixels of every layout are the same picture") {
    const ModelHandle model = load_model();
    const SessionHandle session = make_session(model.get());
    const Image image = drawn_picture(3);
    const auto w = static_cast<std::size_t>(image.width),
               h = static_cast<std::size_t>(image.height);
    const auto analysed = [&](const ofer_image& given) {
      Everything all(session.get(), model.get(), 1);
      const ofer_results results = all.results();
      const ofer_status status = ofer_analyse(session.get(), &given, 1, nullptr, &results);
      INFO(ofer_session_error(session.get()));
      REQUIRE(status == OFER_OK);
      return all;
    };
    const Everything expected = analysed(as_given(image));
    // Every format and layout, packed and with padded rows, top row first and last.
    for (const int format : {OFER_RGB, OFER_BGR, OFER_RGBA, OFER_BGRA})
      for (const int layout : {OFER_INTERLEAVED, OFER_PLANAR})
        for (const std::size_t padding : {0u, 13u})
          for (const bool upside_down : {false, true}) {
            INFO("format ", format, ", layout ", layout, ", padding ", padding, ", upside down ",
                 upside_down);
            const std::size_t channels = format == OFER_RGB || format == OFER_BGR ? 3 : 4;
            const bool blue_first = format == OFER_BGR || format == OFER_BGRA;
            const bool planar = layout == OFER_PLANAR;
            const std::size_t row = w * (planar ? 1 : channels) + padding;
            std::vector<std::uint8_t> bytes(row * h * (planar ? channels : 1) + 1, 99);
            for (std::size_t y = 0; y < h; ++y)
              for (std::size_t x = 0; x < w; ++x)
                for (std::size_t c = 0; c < 3; ++c) {
                  const std::size_t at = blue_first ? 2 - c : c, line = upside_down ? h - 1 - y : y;
                  bytes[planar ? (at * h + line) * row + x : line * row + x * channels + at] =
                      image.pixels[3 * (y * w + x) + c];
                }
            ofer_image given = as_given(image);
            given.format = format;
            given.layout = layout;
            given.row_stride = static_cast<std::ptrdiff_t>(row) * (upside_down ? -1 : 1);
            if (padding == 0 && !upside_down) given.row_stride = 0;
            given.data = bytes.data() + (upside_down ? row * (h - 1) : 0);
            CHECK(analysed(given).same_bits(expected));
            if (planar) {
              given.plane_stride = static_cast<std::ptrdiff_t>(row * h);
              CHECK(analysed(given).same_bits(expected));
            }
          }
    // Floats round once more on the way.
    const std::vector<float> floats = in_floats(image);
    ofer_image given = as_given(image);
    given.data = floats.data();
    given.type = OFER_F32_PIXELS;
    const Everything close = analysed(given);
    for (std::size_t c = 0; c < close.probabilities.size(); ++c)
      CHECK(std::fabs(close.probabilities[c] - expected.probabilities[c]) <= 1e-5f);
    // They need no alignment.
    std::vector<char> shifted(floats.size() * sizeof(float) + 1);
    std::memcpy(shifted.data() + 1, floats.data(), floats.size() * sizeof(float));
    given.data = shifted.data() + 1;
    CHECK(analysed(given).same_bits(close));
    // Grey is the colour picture whose channels are equal.
    Image grey = image;
    std::vector<std::uint8_t> values(w * h);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = image.pixels[3 * i];
      for (std::size_t c = 0; c < 3; ++c) grey.pixels[3 * i + c] = values[i];
    }
    given = as_given(grey);
    const Everything coloured = analysed(given);
    given.data = values.data();
    given.format = OFER_GREY;
    CHECK(analysed(given).same_bits(coloured));
  }

  TEST_CASE("single stages") {
    const ModelHandle model = load_model();
    const SessionHandle session = make_session(model.get());
    const std::vector<Image> images = drawn_pictures(3);
    const std::vector<ofer_image> given = as_given(images);
    Everything all(session.get(), model.get(), 3), some(session.get(), model.get(), 3);
    ofer_results everything = all.results();
    REQUIRE(ofer_analyse(session.get(), given.data(), 3, nullptr, &everything) == OFER_OK);

    ofer_request request = OFER_REQUEST_INIT;
    request.last_stage = OFER_STAGE_DETECT;
    ofer_results results = OFER_RESULTS_INIT;
    results.masks = {some.masks.data(), some.masks.size()};
    results.distances = {some.distances.data(), some.distances.size()};
    REQUIRE(ofer_analyse(session.get(), given.data(), 3, &request, &results) == OFER_OK);
    CHECK(some.masks == all.masks);
    CHECK(some.distances == all.distances);
    ofer_times times = OFER_TIMES_INIT;
    CHECK(ofer_session_times(session.get(), &times) == OFER_OK);
    CHECK(times.detect > 0);
    CHECK(times.total >= times.detect);
    CHECK(times.recognise < times.total);

    const std::vector<std::uint8_t> mask = scattered(3, all.masks.size() / 3);
    request = OFER_REQUEST_INIT;
    request.mask_source = OFER_MASK_GIVEN;
    request.masks = mask.data();
    request.mask_count = mask.size();
    everything.distances = {nullptr, 0};
    REQUIRE(ofer_analyse(session.get(), given.data(), 3, &request, &everything) == OFER_OK);
    request.last_stage = OFER_STAGE_RESTORE;
    results = OFER_RESULTS_INIT;
    results.coarse = {some.coarse.data(), some.coarse.size()};
    results.restored = {some.restored.data(), some.restored.size()};
    results.latents = {some.latents.data(), some.latents.size()};
    results.masks = {some.masks.data(), some.masks.size()};
    REQUIRE(ofer_analyse(session.get(), given.data(), 3, &request, &results) == OFER_OK);
    CHECK(some.coarse == all.coarse);
    CHECK(some.restored == all.restored);
    CHECK(some.latents == all.latents);
    CHECK(some.masks == mask);
  }

  TEST_CASE("results of stages that do not run are refused by name") {
    const ModelHandle model = load_model();
    const SessionHandle session = make_session(model.get());
    const Image image = drawn_picture(0);
    const ofer_image given = as_given(image);
    Everything all(session.get(), model.get(), 1);
    const auto text = [&](ofer_request request, ofer_results results) {
      REQUIRE(ofer_analyse(session.get(), &given, 1, &request, &results) == OFER_BAD_ARGUMENT);
      return std::string(ofer_session_error(session.get()));
    };
    ofer_request request = OFER_REQUEST_INIT;
    request.last_stage = OFER_STAGE_DETECT;
    ofer_results results = OFER_RESULTS_INIT;
    results.restored = {all.restored.data(), all.restored.size()};
    CHECK(text(request, results).find("restored images") != std::string::npos);
    results = OFER_RESULTS_INIT;
    results.grad_cam = {all.grad_cam.data(), all.grad_cam.size()};
    CHECK(text(request, results).find("Grad-CAM") != std::string::npos);
    request = OFER_REQUEST_INIT;
    request.mask_source = OFER_MASK_NONE;
    results = OFER_RESULTS_INIT;
    results.distances = {all.distances.data(), all.distances.size()};
    CHECK(text(request, results).find("nothing is detected") != std::string::npos);
    request.last_stage = OFER_STAGE_DETECT;
    CHECK(text(request, OFER_RESULTS_INIT).find("nothing to do") != std::string::npos);
    CHECK(std::isnan(all.restored[0]));
  }

  TEST_CASE("Grad-CAM of a class, of a layer") {
    const ModelHandle model = load_model();
    const SessionHandle session = make_session(model.get());
    SessionOptions options;
    options.threads = 1;
    Pipeline pipeline(Network::load(tiny_weights()), options);
    const std::vector<Image> images = drawn_pictures(2);
    const std::vector<ofer_image> given = as_given(images);
    ofer_model_info info = OFER_MODEL_INFO_INIT;
    REQUIRE(ofer_model_get_info(model.get(), &info) == OFER_OK);
    CHECK(info.grad_cam_layers == 3);
    for (int l = 0; l < info.grad_cam_layers; ++l)
      for (const bool plus : {false, true}) {
        const char* layer = ofer_model_grad_cam_layer(model.get(), l);
        REQUIRE(layer != nullptr);
        INFO(layer);
        Everything all(session.get(), model.get(), 2, layer);
        ofer_results results = OFER_RESULTS_INIT;
        results.grad_cam = {all.grad_cam.data(), all.grad_cam.size()};
        ofer_request request = OFER_REQUEST_INIT;
        request.grad_cam_layer = layer;
        request.grad_cam_class = 2;
        request.grad_cam_plus_plus = plus ? 1 : 0;
        REQUIRE(ofer_analyse(session.get(), given.data(), 2, &request, &results) == OFER_OK);
        Request inside;
        inside.grad_cam = true;
        inside.grad_cam_layer = layer;
        inside.grad_cam_class = 2;
        inside.grad_cam_plus_plus = plus;
        CHECK(all.grad_cam == joined(pipeline.run(images, inside), &Result::grad_cam));
      }
  }

  TEST_CASE("a call like the one before takes no memory") {
    const ModelHandle model = load_model();
    const SessionHandle session = make_session(model.get(), 2, 2);
    const std::vector<Image> images = drawn_pictures(4);
    const std::vector<ofer_image> given = as_given(images);
    Everything all(session.get(), model.get(), 4);
    for (const int source : {OFER_MASK_DETECT, OFER_MASK_GIVEN}) {
      const std::vector<std::uint8_t> mask = scattered(4, all.masks.size() / 4);
      ofer_results results = all.results(source == OFER_MASK_DETECT);
      results.grad_cam = {nullptr, 0};
      ofer_request request = OFER_REQUEST_INIT;
      request.mask_source = source;
      request.masks = mask.data();
      request.mask_count = mask.size();
      for (int warm = 0; warm < 2; ++warm)
        REQUIRE(ofer_analyse(session.get(), given.data(), 4, &request, &results) == OFER_OK);
      const std::size_t before = allocations();
      REQUIRE(ofer_analyse(session.get(), given.data(), 4, &request, &results) == OFER_OK);
      CHECK(allocations() == before);
    }
  }
}

}  // namespace ofer::test
