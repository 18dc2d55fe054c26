// Every allocation fails in turn: a status, no leak (the address sanitizer looks), and the next
// call works.
#include "tests/api/api_support.h"
#include "tests/api/faults.h"

namespace ofer::test {
namespace {

// Under a sanitizer, where everything is many times slower, every seventh allocation has to do.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kStep = 7;
#else
constexpr std::size_t kStep = 1;
#endif

// Runs `work` with the first allocation failing, the second, ... until none does. It returns a
// status, undisturbed OFER_OK. Returns how many could fail.
template <class Work>
std::size_t fail_each(Work&& work) {
  for (std::size_t number = 0;; number += kStep) {
    fail_allocation(number);
    const ofer_status status = work();
    const bool failed = stop_failing();
    INFO("allocation ", number, " gives status ", status);
    if (!failed) {
      CHECK(status == OFER_OK);
      return number;
    }
    // What the library can do without it may do without.
    REQUIRE((status == OFER_OUT_OF_MEMORY || status == OFER_OK));
  }
}

}  // namespace

TEST_SUITE("api_faults") {
  TEST_CASE("loading") {
    const std::string path = tiny_weights(), content = content_of(path);
    ofer_error error = OFER_ERROR_INIT;
    const auto load = [&](auto&& by) {
      ofer_model* model = nullptr;
      const ofer_status status = by(&model);
      CHECK((model != nullptr) == (status == OFER_OK));
      CHECK(error.status == status);
      if (status == OFER_BAD_FILE) MESSAGE(error.text);
      ofer_model_free(model);
      return status;
    };
    const std::size_t count = fail_each([&] {
      return load([&](ofer_model** model) {
        return ofer_model_load(path.c_str(), nullptr, model, &error);
      });
    });
    CHECK(count > 100);
    fail_each([&] {
      return load([&](ofer_model** model) {
        return ofer_model_load_memory(content.data(), content.size(), nullptr, model, &error);
      });
    });
  }

  TEST_CASE("making a session, with a model's copy and without") {
    ofer_error error = OFER_ERROR_INIT;
    const auto create = [&](ofer_model* model) {
      const ofer_session_options options = session_options(3);
      ofer_session* session = nullptr;
      const ofer_status status = ofer_session_create(model, &options, &session, &error);
      CHECK((session != nullptr) == (status == OFER_OK));
      ofer_session_free(session);
      return status;
    };
    const std::string path = tiny_weights();
    fail_each([&] {
      ofer_model* model = nullptr;
      const ofer_status loaded = ofer_model_load(path.c_str(), nullptr, &model, &error);
      if (loaded != OFER_OK) return loaded;
      const ofer_status status = create(model);
      ofer_model_free(model);
      return status;
    });
    const ModelHandle model = load_model();
    fail_each([&] { return create(model.get()); });
    CHECK(create(model.get()) == OFER_OK);
  }

  TEST_CASE("analysing") {
    const ModelHandle model = load_model();
    const std::vector<Image> images = drawn_pictures(2);
    const std::vector<ofer_image> given = as_given(images);
    const SessionHandle quiet = make_session(model.get(), 2);
    Everything expected(quiet.get(), model.get(), 2), all(quiet.get(), model.get(), 2);
    const ofer_results wanted = expected.results(), results = all.results();
    REQUIRE(ofer_analyse(quiet.get(), given.data(), 2, nullptr, &wanted) == OFER_OK);
    // A session's first call takes all its memory.
    SessionHandle session = make_session(model.get(), 2);
    for (std::size_t number = 0;; number += kStep) {
      session = make_session(model.get(), 2);
      fail_allocation(number);
      const ofer_status status = ofer_analyse(session.get(), given.data(), 2, nullptr, &results);
      const bool failed = stop_failing();
      INFO("allocation ", number);
      if (!failed) {
        CHECK(status == OFER_OK);
        CHECK(number > 50);
        break;
      }
      REQUIRE((status == OFER_OUT_OF_MEMORY || status == OFER_OK));
      if (status != OFER_OK) CHECK(ofer_session_error(session.get())[0] != '\0');
      REQUIRE(ofer_analyse(session.get(), given.data(), 2, nullptr, &results) == OFER_OK);
      REQUIRE(all.same_bits(expected));
    }
  }
}

}  // namespace ofer::test
