// Pictures, masks, results and workspace in a device's memory, and dense requests: on the executor
// of CUDA kernels, whose memory is a GPU's to the library.
#include "tests/api/on_device.h"
#include "tests/support/simt_backend.h"

namespace ofer::test {

TEST_SUITE("api_device") {
  TEST_CASE("a dense request gives what the usual one gives, but for roundings") {
    const ModelHandle model = load_model();
    const std::vector<Image> images = drawn_pictures(4);
    const std::vector<ofer_image> given = as_given(images);
    const SessionHandle session = session_on(model.get(), OFER_DEVICE_CPU, 3);
    for (const int source : {OFER_MASK_DETECT, OFER_MASK_GIVEN, OFER_MASK_NONE}) {
      INFO("mask ", source);
      Everything usual(session.get(), model.get(), 4), dense(session.get(), model.get(), 4),
          again(session.get(), model.get(), 4), alone(session.get(), model.get(), 1);
      const std::vector<std::uint8_t> mask = scattered(4, usual.masks.size() / 4);
      ofer_request request = OFER_REQUEST_INIT;
      request.mask_source = source;
      request.masks = mask.data();
      request.mask_count = mask.size();
      ofer_results results = usual.results(source == OFER_MASK_DETECT);
      REQUIRE(ofer_analyse(session.get(), given.data(), 4, &request, &results) == OFER_OK);
      request.dense = 1;
      results = dense.results(source == OFER_MASK_DETECT);
      REQUIRE(ofer_analyse(session.get(), given.data(), 4, &request, &results) == OFER_OK);
      check_close(dense, usual);
      // The same bits again, and alone.
      results = again.results(source == OFER_MASK_DETECT);
      REQUIRE(ofer_analyse(session.get(), given.data(), 4, &request, &results) == OFER_OK);
      CHECK(again.same_bits(dense));
      request.mask_count = mask.size() / 4;
      results = alone.results(source == OFER_MASK_DETECT);
      REQUIRE(ofer_analyse(session.get(), given.data(), 1, &request, &results) == OFER_OK);
      CHECK(std::equal(alone.probabilities.begin(), alone.probabilities.end(),
                       dense.probabilities.begin()));
      CHECK(std::equal(alone.restored.begin(), alone.restored.end(), dense.restored.begin()));
    }
  }

  TEST_CASE("to the CPU device memory is memory, and a stream is refused") {
    const ModelHandle model = load_model();
    const SessionHandle session = session_on(model.get(), OFER_DEVICE_CPU);
    const Image image = drawn_picture(2);
    ofer_image given = as_given(image);
    Everything host(session.get(), model.get(), 1), device(session.get(), model.get(), 1);
    ofer_results results = host.results();
    REQUIRE(ofer_analyse(session.get(), &given, 1, nullptr, &results) == OFER_OK);
    given.memory = OFER_MEMORY_DEVICE;
    results = device.results();
    results.memory = OFER_MEMORY_DEVICE;
    REQUIRE(ofer_analyse(session.get(), &given, 1, nullptr, &results) == OFER_OK);
    CHECK(device.same_bits(host));
    given.memory = 2;
    CHECK(ofer_analyse(session.get(), &given, 1, nullptr, &results) == OFER_BAD_ARGUMENT);

    ofer_session_options options = OFER_SESSION_OPTIONS_INIT;
    options.stream = &options;
    ofer_error error = OFER_ERROR_INIT;
    ofer_session* refused = nullptr;
    CHECK(ofer_session_create(model.get(), &options, &refused, &error) == OFER_BAD_ARGUMENT);
    CHECK(std::string(error.text).find("stream") != std::string::npos);
  }

  TEST_CASE("a workspace that is lent is enough when it has what was asked for, and not one less") {
    const ModelHandle model = load_model();
    const std::vector<Image> images = drawn_pictures(4);
    const std::vector<ofer_image> given = as_given(images);
    for (const bool dense : {false, true})
      for (const int source : {OFER_MASK_DETECT, OFER_MASK_NONE}) {
        INFO("dense ", dense, ", mask ", source);
        const SessionHandle session = session_on(model.get(), OFER_DEVICE_CPU, 2);
        Everything own(session.get(), model.get(), 4), lent(session.get(), model.get(), 4);
        ofer_request request = OFER_REQUEST_INIT;
        request.dense = dense ? 1 : 0;
        request.mask_source = source;
        ofer_results results = own.results(source == OFER_MASK_DETECT);
        REQUIRE(ofer_analyse(session.get(), given.data(), 4, &request, &results) == OFER_OK);
        std::size_t bytes = 0;
        results = lent.results(source == OFER_MASK_DETECT);
        REQUIRE(ofer_session_workspace_bytes(session.get(), &request, &results, &bytes) == OFER_OK);
        CHECK(bytes > 1000);
        std::vector<char> room(bytes + 64);
        char* begin = room.data() + (64 - reinterpret_cast<std::uintptr_t>(room.data()) % 64) % 64;
        CHECK(ofer_session_set_workspace(session.get(), begin + 1, bytes) == OFER_BAD_ARGUMENT);
        REQUIRE(ofer_session_set_workspace(session.get(), begin, bytes - 64) == OFER_OK);
        CHECK(ofer_analyse(session.get(), given.data(), 4, &request, &results) ==
              OFER_OUT_OF_MEMORY);
        CHECK(std::string(ofer_session_error(session.get())).find(std::to_string(bytes)) !=
              std::string::npos);
        REQUIRE(ofer_session_set_workspace(session.get(), begin, bytes) == OFER_OK);
        CHECK(ofer_analyse(session.get(), given.data(), 4, &request, &results) == OFER_OK);
        CHECK(lent.same_bits(own));
        REQUIRE(ofer_session_set_workspace(session.get(), nullptr, 0) == OFER_OK);
        std::fill(room.begin(), room.end(), '\x7f');
        CHECK(ofer_analyse(session.get(), given.data(), 4, &request, &results) == OFER_OK);
        CHECK(lent.same_bits(own));
      }
  }

#if defined(OFER_HAVE_SIMT)
  TEST_CASE("pictures, masks and results on the device") {
    check_device_memory(OFER_DEVICE_SIMT, *simt_backend(1).memory);
  }
#endif
}

}  // namespace ofer::test
