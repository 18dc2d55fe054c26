// What a careless or hostile caller passes: a status and a text, nothing else.
#include <cstring>

#include "tests/api/api_support.h"

namespace ofer::test {
namespace {

// A struct of a program that was compiled with a later header.
template <class Struct>
struct Later {
  Struct known;
  std::uint64_t more[2] = {0, 0};

  explicit Later(const Struct& from) : known(from) { known.size = sizeof(Later); }
};

}  // namespace

TEST_SUITE("api_bad_input") {
  TEST_CASE("null") {
    ofer_error error = OFER_ERROR_INIT;
    ofer_model* model = nullptr;
    ofer_session* session = nullptr;
    CHECK(ofer_model_load(nullptr, nullptr, &model, &error) == OFER_BAD_ARGUMENT);
    CHECK(error.text[0] != '\0');
    CHECK(ofer_model_load("", nullptr, &model, &error) == OFER_BAD_ARGUMENT);
    CHECK(ofer_model_load(tiny_weights().c_str(), nullptr, nullptr, &error) == OFER_BAD_ARGUMENT);
    CHECK(ofer_model_load(nullptr, nullptr, nullptr, nullptr) == OFER_BAD_ARGUMENT);
    CHECK(ofer_model_load_memory(nullptr, 10, nullptr, &model, &error) == OFER_BAD_ARGUMENT);
    CHECK(ofer_model_load_reader(nullptr, nullptr, 10, nullptr, &model, &error) ==
          OFER_BAD_ARGUMENT);
    CHECK(ofer_session_create(nullptr, nullptr, &session, &error) == OFER_BAD_ARGUMENT);
    CHECK(ofer_model_label(nullptr, 0) == nullptr);
    CHECK(ofer_model_configuration(nullptr) == nullptr);
    CHECK(ofer_model_get_info(nullptr, nullptr) == OFER_BAD_ARGUMENT);
    CHECK(ofer_analyse(nullptr, nullptr, 0, nullptr, nullptr) == OFER_BAD_ARGUMENT);
    CHECK(ofer_session_set_progress(nullptr, nullptr, nullptr) == OFER_BAD_ARGUMENT);
    CHECK(ofer_session_set_tap(nullptr, nullptr, nullptr, nullptr) == OFER_BAD_ARGUMENT);
    CHECK(ofer_session_cancel(nullptr) == OFER_BAD_ARGUMENT);
    CHECK(ofer_session_wait(nullptr) == OFER_BAD_ARGUMENT);
    CHECK(ofer_session_times(nullptr, nullptr) == OFER_BAD_ARGUMENT);
    CHECK(ofer_session_grad_cam_size(nullptr, nullptr, nullptr, nullptr) == OFER_BAD_ARGUMENT);
    CHECK(std::string(ofer_session_error(nullptr)).find("null") != std::string::npos);
    CHECK(ofer_session_radius(nullptr) == 0);
    ofer_session_free(nullptr);
    ofer_model_free(nullptr);

    const ModelHandle made = load_model();
    CHECK(ofer_session_create(made.get(), nullptr, nullptr, &error) == OFER_BAD_ARGUMENT);
    CHECK(ofer_model_get_info(made.get(), nullptr) == OFER_BAD_ARGUMENT);
    CHECK(ofer_model_metadata(made.get(), nullptr) == nullptr);
    const SessionHandle s = make_session(made.get());
    const Image image = drawn_picture(0);
    const ofer_image given = as_given(image);
    const ofer_results none = OFER_RESULTS_INIT;
    CHECK(ofer_analyse(s.get(), nullptr, 1, nullptr, &none) == OFER_BAD_ARGUMENT);
    CHECK(ofer_analyse(s.get(), &given, 0, nullptr, &none) == OFER_BAD_ARGUMENT);
    CHECK(ofer_analyse(s.get(), &given, 1, nullptr, nullptr) == OFER_BAD_ARGUMENT);
    CHECK(ofer_session_times(s.get(), nullptr) == OFER_BAD_ARGUMENT);
    CHECK(ofer_session_grad_cam_size(s.get(), nullptr, nullptr, nullptr) == OFER_BAD_ARGUMENT);
    std::int32_t rows = 0, columns = 0;
    CHECK(ofer_session_grad_cam_size(s.get(), "cellar", &rows, &columns) == OFER_BAD_ARGUMENT);
    CHECK(std::string(ofer_session_error(s.get())).find("cellar") != std::string::npos);
    ofer_request request = OFER_REQUEST_INIT;
    request.mask_source = OFER_MASK_GIVEN;
    CHECK(ofer_analyse(s.get(), &given, 1, &request, &none) == OFER_BAD_ARGUMENT);
  }

  TEST_CASE("images") {
    const ModelHandle model = load_model();
    const SessionHandle session = make_session(model.get(), 1, 2);
    const std::vector<Image> pictures = drawn_pictures(3);
    Everything all(session.get(), model.get(), 3), untouched(session.get(), model.get(), 3);
    const ofer_results results = all.results();
    // Spoils the third image, which comes in the second turn.
    const auto refused = [&](const char* what, auto&& spoil) {
      INFO(what);
      std::vector<ofer_image> given = as_given(pictures);
      spoil(given[2]);
      CHECK(ofer_analyse(session.get(), given.data(), 3, nullptr, &results) == OFER_BAD_ARGUMENT);
      const std::string text = ofer_session_error(session.get());
      INFO(text);
      CHECK(text.find("image 2: ") == 0);
      CHECK(text.find(what) != std::string::npos);
    };
    refused("null", [](ofer_image& i) { i.data = nullptr; });
    refused("0 x", [](ofer_image& i) { i.width = 0; });
    refused("x -5", [](ofer_image& i) { i.height = -5; });
    refused("limit", [](ofer_image& i) { i.width = i.height = 100000; });
    refused("limit", [](ofer_image& i) { i.width = i.height = 2147483647; });
    refused("too small", [](ofer_image& i) { i.row_stride = 3 * i.width - 1; });
    refused("too small", [](ofer_image& i) { i.row_stride = 1 - 3 * i.width; });
    refused("row stride", [](ofer_image& i) { i.row_stride = PTRDIFF_MAX; });
    refused("row stride", [](ofer_image& i) { i.row_stride = PTRDIFF_MIN; });
    refused("plane stride", [](ofer_image& i) { i.plane_stride = 1; });
    refused("plane stride", [](ofer_image& i) {
      i.layout = OFER_PLANAR;
      i.plane_stride = 5;
    });
    refused("plane stride", [](ofer_image& i) {
      i.layout = OFER_PLANAR;
      i.plane_stride = PTRDIFF_MIN;
    });
    refused("format 17", [](ofer_image& i) { i.format = 17; });
    refused("format -1", [](ofer_image& i) { i.format = -1; });
    refused("layout 2", [](ofer_image& i) { i.layout = 2; });
    refused("type 9", [](ofer_image& i) { i.type = 9; });
    refused("memory 2", [](ofer_image& i) { i.memory = 2; });
    refused("size", [](ofer_image& i) { i.size = 0; });
    refused("size", [](ofer_image& i) { i.size += 8; });
    CHECK(std::isnan(all.probabilities[0]));

    // Numbers that are none are found while the picture is read: the turn before it is there.
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::infinity(), -HUGE_VALF}) {
      std::vector<float> floats(30 * 20 * 3, 0.5f);
      floats[777] = bad;
      std::vector<ofer_image> given = as_given(pictures);
      given[2].data = floats.data();
      given[2].width = 30;
      given[2].height = 20;
      given[2].type = OFER_F32_PIXELS;
      CHECK(ofer_analyse(session.get(), given.data(), 3, nullptr, &results) == OFER_BAD_ARGUMENT);
      CHECK(std::string(ofer_session_error(session.get())).find("image 2: ") == 0);
      CHECK(std::isfinite(all.probabilities[0]));
      CHECK(std::isnan(all.probabilities[2 * 7]));
    }
    // And the session still works.
    const std::vector<ofer_image> good = as_given(pictures);
    CHECK(ofer_analyse(session.get(), good.data(), 3, nullptr, &results) == OFER_OK);
    CHECK(std::isfinite(all.probabilities[2 * 7]));
  }

  TEST_CASE("requests and results") {
    const ModelHandle model = load_model();
    const SessionHandle session = make_session(model.get());
    const Image image = drawn_picture(0);
    const ofer_image given = as_given(image);
    Everything all(session.get(), model.get(), 1);
    const auto refused = [&](const char* what, auto&& spoil) {
      INFO(what);
      ofer_request request = OFER_REQUEST_INIT;
      ofer_results results = all.results();
      spoil(request, results);
      const ofer_status status = ofer_analyse(session.get(), &given, 1, &request, &results);
      INFO(ofer_session_error(session.get()));
      CHECK((status == OFER_BAD_ARGUMENT || status == OFER_UNSUPPORTED));
      CHECK(std::string(ofer_session_error(session.get())).find(what) != std::string::npos);
      CHECK(std::isnan(all.probabilities[0]));
    };
    refused("mask_source 3", [](ofer_request& q, ofer_results&) { q.mask_source = 3; });
    refused("last_stage 0", [](ofer_request& q, ofer_results&) { q.last_stage = 0; });
    refused("latents 5", [](ofer_request& q, ofer_results&) { q.latents = 5; });
    refused("fixed list", [](ofer_request& q, ofer_results&) { q.latents = OFER_LATENTS_ALL; });
    refused("class 7", [](ofer_request& q, ofer_results&) { q.grad_cam_class = 7; });
    refused("class -2", [](ofer_request& q, ofer_results&) { q.grad_cam_class = -2; });
    refused("layer attic", [](ofer_request& q, ofer_results&) { q.grad_cam_layer = "attic"; });
    refused("reserved", [](ofer_request& q, ofer_results&) { q.reserved = 1; });
    refused("ofer_request.size", [](ofer_request& q, ofer_results&) { q.size = 8; });
    refused("masks", [&](ofer_request& q, ofer_results&) {
      q.mask_source = OFER_MASK_GIVEN;
      q.masks = all.masks.data();
      q.mask_count = 15;
    });
    refused("ofer_results.size", [](ofer_request&, ofer_results& r) { r.size = 1; });
    refused("ofer_results.size", [](ofer_request&, ofer_results& r) { r.size = SIZE_MAX; });
    refused("probabilities", [](ofer_request&, ofer_results& r) { r.probabilities.count = 6; });
    refused("probabilities", [](ofer_request&, ofer_results& r) { r.probabilities.count = 0; });
    refused("labels", [](ofer_request&, ofer_results& r) { r.labels.count = 2; });
    refused("latent vectors", [](ofer_request&, ofer_results& r) { --r.latents.count; });
    refused("Grad-CAM", [](ofer_request&, ofer_results& r) { ++r.grad_cam.count; });
    refused("multiple of 4", [](ofer_request&, ofer_results& r) {
      r.probabilities.data =
          reinterpret_cast<float*>(reinterpret_cast<char*>(r.probabilities.data) + 1);
    });
    refused("memory 7", [](ofer_request&, ofer_results& r) { r.memory = 7; });
    refused("memory 7", [](ofer_request& q, ofer_results&) { q.mask_memory = 7; });
    refused("restored", [](ofer_request&, ofer_results& r) { r.restored.count = 1; });
  }

  TEST_CASE("options") {
    const ModelHandle model = load_model();
    const auto refused = [&](ofer_status expected, const char* what, auto&& spoil) {
      INFO(what);
      ofer_session_options options = OFER_SESSION_OPTIONS_INIT;
      spoil(options);
      ofer_error error = OFER_ERROR_INIT;
      ofer_session* session = nullptr;
      CHECK(ofer_session_create(model.get(), &options, &session, &error) == expected);
      CHECK(session == nullptr);
      INFO(error.text);
      CHECK(std::string(error.text).find(what) != std::string::npos);
    };
    using Options = ofer_session_options;
    refused(OFER_BAD_ARGUMENT, "device 3", [](Options& o) { o.device = 3; });
    refused(OFER_BAD_ARGUMENT, "number 1", [](Options& o) { o.device_index = 1; });
    refused(OFER_BAD_ARGUMENT, "number -1", [](Options& o) {
      o.device = OFER_DEVICE_CUDA;
      o.device_index = -1;
    });
    refused(OFER_BAD_ARGUMENT, "precision 12", [](Options& o) { o.precision = 12; });
    refused(OFER_UNSUPPORTED, "tf32", [](Options& o) { o.precision = OFER_PRECISION_TF32; });
    refused(OFER_BAD_ARGUMENT, "threads: -1", [](Options& o) { o.threads = -1; });
    refused(OFER_BAD_ARGUMENT, "threads", [](Options& o) { o.threads = INT32_MAX; });
    refused(OFER_BAD_ARGUMENT, "batch of -4", [](Options& o) { o.largest_batch = -4; });
    refused(OFER_BAD_ARGUMENT, "_INIT", [](Options& o) { o.size = 0; });
    ofer_model_options options = OFER_MODEL_OPTIONS_INIT;
    options.storage = 5;
    ofer_error error = OFER_ERROR_INIT;
    ofer_model* made = nullptr;
    CHECK(ofer_model_load(tiny_weights().c_str(), &options, &made, &error) == OFER_BAD_ARGUMENT);
  }

  TEST_CASE("structs of a later version") {
    // Fields this library has not are ignored while they are zero, and refused else.
    Later<ofer_model_options> model_options{ofer_model_options OFER_MODEL_OPTIONS_INIT};
    ofer_error error = OFER_ERROR_INIT;
    ofer_model* made = nullptr;
    REQUIRE(ofer_model_load(tiny_weights().c_str(), &model_options.known, &made, &error) ==
            OFER_OK);
    const ModelHandle model(made);
    model_options.more[1] = 1;
    CHECK(ofer_model_load(tiny_weights().c_str(), &model_options.known, &made, &error) ==
          OFER_UNSUPPORTED);
    CHECK(std::string(error.text).find("later version") != std::string::npos);

    const SessionHandle session = make_session(model.get());
    const std::vector<Image> pictures = drawn_pictures(2);
    std::vector<Later<ofer_image>> images;
    for (const Image& picture : pictures) images.emplace_back(as_given(picture));
    Everything all(session.get(), model.get(), 2), expected(session.get(), model.get(), 2);
    Later<ofer_results> results{all.results()};
    Later<ofer_request> request{ofer_request OFER_REQUEST_INIT};
    REQUIRE(ofer_analyse(session.get(), &images[0].known, 2, &request.known, &results.known) ==
            OFER_OK);
    const std::vector<ofer_image> plain = as_given(pictures);
    const ofer_results plain_results = expected.results();
    REQUIRE(ofer_analyse(session.get(), plain.data(), 2, nullptr, &plain_results) == OFER_OK);
    CHECK(all.same_bits(expected));
    request.more[0] = 1;
    CHECK(ofer_analyse(session.get(), &images[0].known, 2, &request.known, &results.known) ==
          OFER_UNSUPPORTED);
    images[1].more[1] = 7;
    CHECK(ofer_analyse(session.get(), &images[0].known, 2, nullptr, &results.known) ==
          OFER_UNSUPPORTED);
    CHECK(std::string(ofer_session_error(session.get())).find("image 1: ") == 0);

    // Told in as many bytes as the caller has.
    Later<ofer_model_info> info{ofer_model_info OFER_MODEL_INFO_INIT};
    CHECK(ofer_model_get_info(model.get(), &info.known) == OFER_OK);
    CHECK(info.known.size == sizeof info);
    CHECK(info.known.classes == 7);
    Later<ofer_times> times{ofer_times OFER_TIMES_INIT};
    CHECK(ofer_session_times(session.get(), &times.known) == OFER_OK);
    // A short error struct gets a short text.
    ofer_error brief = OFER_ERROR_INIT;
    std::memset(brief.text, 'x', sizeof brief.text);
    brief.size = offsetof(ofer_error, text) + 8;
    CHECK(ofer_model_load("/nowhere", nullptr, &made, &brief) == OFER_IO);
    CHECK(std::strlen(brief.text) == 7);
    CHECK(brief.text[8] == 'x');
    brief.size = 0;
    CHECK(ofer_model_load("/nowhere", nullptr, &made, &brief) == OFER_IO);
  }
}

}  // namespace ofer::test
