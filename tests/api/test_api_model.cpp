// Models: loaded from everywhere, asked about, ended.
#include <cstring>
#include <span>

#include "tests/api/api_support.h"

extern "C" int ofer_c_program(const char* weights, const unsigned char* pixels, int width,
                              int height, float* probabilities, size_t classes);

namespace ofer::test {
namespace {

// A reader over bytes; refuses the call of that number, and checks what it is asked for.
struct Bytes {
  std::string content;
  int calls = 0, fails_at = -1;

  static std::int32_t read(void* user, std::uint64_t offset, void* buffer, std::size_t bytes) {
    auto& self = *static_cast<Bytes*>(user);
    if (self.calls++ == self.fails_at) return 7;
    if (offset + bytes > self.content.size()) return 8;
    std::memcpy(buffer, self.content.data() + offset, bytes);
    return 0;
  }
};

std::vector<float> probabilities_of(ofer_model* model) {
  const SessionHandle session = make_session(model);
  const Image image = drawn_picture(1);
  const ofer_image given = as_given(image);
  Everything all(session.get(), model, 1);
  const ofer_results results = all.results();
  REQUIRE(ofer_analyse(session.get(), &given, 1, nullptr, &results) == OFER_OK);
  return all.probabilities;
}

}  // namespace

TEST_SUITE("api_model") {
  TEST_CASE("from a path, from memory, by a reader: the same model") {
    const std::vector<float> expected = probabilities_of(load_model().get());
    Bytes bytes{content_of(tiny_weights())};
    for (const int storage : {OFER_STORAGE_DEFAULT, OFER_STORAGE_COPY, OFER_STORAGE_BORROW})
      for (const int from : {0, 1, 2}) {
        INFO("storage ", storage, ", from ", from);
        ofer_model_options options = OFER_MODEL_OPTIONS_INIT;
        options.storage = storage;
        ofer_error error = OFER_ERROR_INIT;
        ofer_model* made = nullptr;
        const ofer_status status =
            from == 0   ? ofer_model_load(tiny_weights().c_str(), &options, &made, &error)
            : from == 1 ? ofer_model_load_memory(bytes.content.data(), bytes.content.size(),
                                                 &options, &made, &error)
                        : ofer_model_load_reader(&Bytes::read, &bytes, bytes.content.size(),
                                                 &options, &made, &error);
        const ModelHandle model(made);
        if (storage == OFER_STORAGE_BORROW && from != 1) {
          CHECK(status == OFER_BAD_ARGUMENT);
          CHECK(made == nullptr);
          continue;
        }
        INFO(error.text);
        REQUIRE(status == OFER_OK);
        CHECK(error.text[0] == '\0');
        CHECK(probabilities_of(made) == expected);
      }
  }

  TEST_CASE("memory that was copied may go, memory that is lent is used in place") {
    std::string content = content_of(tiny_weights());
    // Lent at every alignment.
    for (const std::size_t shift : {0u, 1u, 8u, 32u}) {
      std::vector<char> place(content.size() + shift);
      std::memcpy(place.data() + shift, content.data(), content.size());
      ofer_model_options options = OFER_MODEL_OPTIONS_INIT;
      options.storage = OFER_STORAGE_BORROW;
      ofer_model* made = nullptr;
      REQUIRE(ofer_model_load_memory(place.data() + shift, content.size(), &options, &made,
                                     nullptr) == OFER_OK);
      CHECK(probabilities_of(ModelHandle(made).get()).size() == 7);
    }
    ofer_model* made = nullptr;
    REQUIRE(ofer_model_load_memory(content.data(), content.size(), nullptr, &made, nullptr) ==
            OFER_OK);
    const ModelHandle model(made);
    std::fill(content.begin(), content.end(), '\xff');
    for (const float p : probabilities_of(made)) CHECK(std::isfinite(p));
  }

  TEST_CASE("a file that cannot be one is refused, whole or in pieces") {
    Bytes bytes{content_of(tiny_weights())};
    ofer_error error = OFER_ERROR_INIT;
    ofer_model* model = nullptr;
    CHECK(ofer_model_load("/nowhere/at all", nullptr, &model, &error) == OFER_IO);
    CHECK(std::string(error.text).find("/nowhere/at all") != std::string::npos);
    CHECK(error.status == OFER_IO);
    CHECK(ofer_model_load("/", nullptr, &model, &error) == OFER_IO);
    for (const std::size_t length :
         {std::size_t{0}, std::size_t{7}, std::size_t{4000}, bytes.content.size() - 1}) {
      INFO(length);
      CHECK(ofer_model_load_memory(bytes.content.data(), length, nullptr, &model, &error) ==
            OFER_BAD_FILE);
      CHECK(error.text[0] != '\0');
      CHECK(model == nullptr);
      CHECK(ofer_model_load_reader(&Bytes::read, &bytes, length, nullptr, &model, &error) ==
            OFER_BAD_FILE);
    }
    // More than there is, more than memory has, and a reader that fails.
    CHECK(ofer_model_load_reader(&Bytes::read, &bytes, bytes.content.size() + 1, nullptr, &model,
                                 &error) == OFER_IO);
    CHECK(ofer_model_load_reader(&Bytes::read, &bytes, std::uint64_t{1} << 62, nullptr, &model,
                                 &error) == OFER_OUT_OF_MEMORY);
    bytes.fails_at = bytes.calls;
    CHECK(ofer_model_load_reader(&Bytes::read, &bytes, bytes.content.size(), nullptr, &model,
                                 &error) == OFER_IO);
    CHECK(std::string(error.text).find("the reader failed (7)") != std::string::npos);
    // One bit of a weight: only the checksum sees it.
    bytes.content.back() = static_cast<char>(bytes.content.back() ^ 1);
    CHECK(ofer_model_load_memory(bytes.content.data(), bytes.content.size(), nullptr, &model,
                                 &error) == OFER_BAD_FILE);
    ofer_model_options options = OFER_MODEL_OPTIONS_INIT;
    options.skip_checksum = 1;
    CHECK(ofer_model_load_memory(bytes.content.data(), bytes.content.size(), &options, &model,
                                 &error) == OFER_OK);
    ofer_model_free(model);
  }

  TEST_CASE("what a model says about itself") {
    const ModelHandle model = load_model();
    ofer_model_info info = OFER_MODEL_INFO_INIT;
    REQUIRE(ofer_model_get_info(model.get(), &info) == OFER_OK);
    const Config config = runnable_config();
    CHECK(info.classes == 7);
    CHECK(info.patch_rows == 4);
    CHECK(info.patch_columns == 4);
    CHECK(info.patches == 16);
    CHECK(info.image_size == config.image_size);
    CHECK(info.restored_size == config.unet->image_size);
    CHECK(info.latent_width == config.latent_width());
    CHECK(info.has_detector == 1);
    CHECK(info.has_unet == 1);
    CHECK(info.all_latents == 0);
    CHECK(info.trained == 0);
    CHECK(info.weights > 1000);
    CHECK(std::string(ofer_model_label(model.get(), 0)) == default_labels()[0]);
    CHECK(ofer_model_label(model.get(), 7) == nullptr);
    char text[200];
    ofer_model_error(model.get(), text, sizeof text);
    CHECK(std::string(text) == "no label 7; there are 0 to 6");
    CHECK(ofer_model_label(model.get(), -1) == nullptr);
    CHECK(std::string(ofer_model_grad_cam_layer(model.get(), 1)) == "recognise/head0/spatial");
    CHECK(ofer_model_grad_cam_layer(model.get(), 3) == nullptr);
    CHECK(std::string(ofer_model_metadata(model.get(), "trained")) == "false");
    CHECK(std::string(ofer_model_configuration(model.get())).find("\"patch_size\"") !=
          std::string::npos);
    CHECK(ofer_model_metadata(model.get(), "weather") == nullptr);
    // Cut where there is no room.
    ofer_model_error(model.get(), text, 5);
    CHECK(std::string(text) == "no m");
    ofer_model_error(model.get(), nullptr, 5);
    ofer_model_error(nullptr, text, 5);
    CHECK(text[0] == '\0');
  }

  TEST_CASE("sessions outlive their model's handle, which is known to have ended") {
    ofer_model* model = load_model().release();
    SessionHandle session = make_session(model);
    Everything before(session.get(), model, 1), after(session.get(), model, 1);
    const Image image = drawn_picture(2);
    const ofer_image given = as_given(image);
    ofer_results results = before.results();
    REQUIRE(ofer_analyse(session.get(), &given, 1, nullptr, &results) == OFER_OK);
    ofer_model_free(model);
    results = after.results();
    REQUIRE(ofer_analyse(session.get(), &given, 1, nullptr, &results) == OFER_OK);
    CHECK(after.same_bits(before));
    ofer_error error = OFER_ERROR_INIT;
    ofer_session* other = nullptr;
    CHECK(ofer_session_create(model, nullptr, &other, &error) == OFER_BAD_ARGUMENT);
    CHECK(std::string(error.text).find("has ended") != std::string::npos);
    CHECK(ofer_model_label(model, 0) == nullptr);
    ofer_model_info info = OFER_MODEL_INFO_INIT;
    CHECK(ofer_model_get_info(model, &info) == OFER_BAD_ARGUMENT);
    ofer_model_free(model);  // once more: nothing
  }

  TEST_CASE("C sees the same") {
    const Image image = drawn_picture(1);
    float got[7];
    REQUIRE(ofer_c_program(tiny_weights().c_str(), image.pixels.data(), image.width, image.height,
                           got, 7) == OFER_OK);
    const std::vector<float> expected = probabilities_of(load_model().get());
    CHECK(std::equal(expected.begin(), expected.end(), got));
    CHECK(ofer_c_program("/nowhere", image.pixels.data(), 1, 1, got, 7) == OFER_IO);
  }

  TEST_CASE("the library's version is the header's") {
    CHECK(std::string(ofer_version()) == "0.1.0");
    CHECK(std::string(ofer_status_name(OFER_BUSY)) == "busy");
    CHECK(std::string(ofer_status_name(-3)) == "unknown");
  }
}

}  // namespace ofer::test
