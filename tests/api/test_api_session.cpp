// Callbacks, cancellation, refusals of a second call, and lives that end at any time.
#include <unistd.h>

#include <fstream>
#include <thread>

#include "tests/api/api_support.h"

namespace ofer::test {
namespace {

// A session with pictures, and what it gives when nobody disturbs it.
struct Bench {
  ModelHandle model = load_model();
  SessionHandle session = make_session(model.get(), 2, 2);
  std::vector<Image> images = drawn_pictures(3);
  std::vector<ofer_image> given = as_given(images);
  Everything all{session.get(), model.get(), 3}, expected{session.get(), model.get(), 3};
  ofer_results results = all.results();

  Bench() {
    const ofer_results quiet = expected.results();
    REQUIRE(ofer_analyse(session.get(), given.data(), 3, nullptr, &quiet) == OFER_OK);
  }
  ofer_status analyse() { return ofer_analyse(session.get(), given.data(), 3, nullptr, &results); }
  std::string error() const { return ofer_session_error(session.get()); }
  void check_works() {
    CHECK(analyse() == OFER_OK);
    CHECK(all.same_bits(expected));
  }
};

// Counts its calls, and breaks off at one of them.
struct Caller {
  int calls = 0, breaks_at = -1;
  std::vector<std::string> seen;

  std::int32_t next(const std::string& what) {
    seen.push_back(what);
    return calls++ == breaks_at ? 5 : 0;
  }
  static std::int32_t progress(void* user, std::int32_t stage, std::size_t first,
                               std::size_t count) {
    return static_cast<Caller*>(user)->next(std::to_string(stage) + "@" + std::to_string(first) +
                                            "+" + std::to_string(count));
  }
  static std::int32_t tap(void* user, const ofer_tensor* tensor) {
    std::int64_t elements = 1;
    for (int i = 0; i < tensor->rank; ++i) elements *= tensor->shape[i];
    CHECK(elements > 0);
    CHECK(tensor->data != nullptr);
    if (tensor->type == OFER_F32)  // all of it can be read
      for (std::int64_t i = 0; i < elements; ++i)
        (void)static_cast<const volatile float*>(tensor->data)[i];
    return static_cast<Caller*>(user)->next(tensor->name);
  }
};

std::size_t resident_bytes() {
  std::size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

TEST_SUITE("api_session") {
  TEST_CASE("progress is told stage by stage, and breaks off wherever it says so") {
    Bench bench;
    Caller caller;
    REQUIRE(ofer_session_set_progress(bench.session.get(), &Caller::progress, &caller) == OFER_OK);
    bench.check_works();
    const std::vector<std::string> order = {"1@0+2", "2@0+2", "3@0+2", "1@2+1", "2@2+1", "3@2+1"};
    CHECK(caller.seen == order);
    for (int at = 0; at < 6; ++at) {
      INFO(at);
      caller = {};
      caller.breaks_at = at;
      CHECK(bench.analyse() == OFER_CANCELLED);
      CHECK(bench.error() == "broken off by the progress callback, which returned 5");
      caller.breaks_at = -1;
      bench.check_works();
    }
    CHECK(ofer_session_set_progress(bench.session.get(), nullptr, nullptr) == OFER_OK);
    caller = {};
    bench.check_works();
    CHECK(caller.calls == 0);
  }

  TEST_CASE("taps see every intermediate, and break off at each") {
    Bench bench;
    Caller caller;
    REQUIRE(ofer_session_set_tap(bench.session.get(), &Caller::tap, nullptr, &caller) == OFER_OK);
    CHECK(bench.analyse() == OFER_OK);
    const std::vector<std::string> names = caller.seen;
    CHECK(names.size() > 100);
    CHECK(names.front() == "input/vit");
    const int calls = caller.calls;
    for (int at = 0; at < calls; at += 1 + at / 20) {
      INFO(at);
      caller = {};
      caller.breaks_at = at;
      CHECK(bench.analyse() == OFER_CANCELLED);
      CHECK(bench.error().find("tap callback") != std::string::npos);
    }
    CHECK(ofer_session_set_tap(bench.session.get(), nullptr, nullptr, nullptr) == OFER_OK);
    bench.check_works();
  }

  TEST_CASE("a filter chooses among the taps") {
    Bench bench;
    Caller caller;
    const ofer_tap_filter wanted = [](void*, const char* name) -> std::int32_t {
      return std::string(name) == "recognise/probabilities";
    };
    REQUIRE(ofer_session_set_tap(bench.session.get(), &Caller::tap, wanted, &caller) == OFER_OK);
    bench.check_works();
    CHECK(caller.seen == std::vector<std::string>(2, "recognise/probabilities"));
  }

  TEST_CASE("cancelled from another thread, at every moment") {
    Bench bench;
    int cancelled = 0;
    for (int after = 0; after < 60; ++after) {
      std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::microseconds(100 * after));
        CHECK(ofer_session_cancel(bench.session.get()) == OFER_OK);
      });
      ofer_status status = bench.analyse();
      other.join();
      if (status == OFER_OK) status = bench.analyse();  // it came too late, and meets the next call
      cancelled += status == OFER_CANCELLED ? 1 : 0;
      CHECK((status == OFER_OK || status == OFER_CANCELLED));
      bench.check_works();
    }
    CHECK(cancelled == 60);
  }

  TEST_CASE("a call inside a call is refused") {
    Bench bench;
    struct Inner {
      Bench& bench;
      int busy = 0;
    } inner{bench};
    const ofer_progress_callback call = [](void* user, std::int32_t, std::size_t,
                                           std::size_t) -> std::int32_t {
      auto& self = *static_cast<Inner*>(user);
      ofer_session* session = self.bench.session.get();
      std::int32_t rows, columns;
      ofer_times times = OFER_TIMES_INIT;
      self.busy += self.bench.analyse() == OFER_BUSY;
      self.busy += ofer_session_set_tap(session, nullptr, nullptr, nullptr) == OFER_BUSY;
      self.busy += ofer_session_set_progress(session, nullptr, nullptr) == OFER_BUSY;
      self.busy += ofer_session_times(session, &times) == OFER_BUSY;
      self.busy += ofer_session_grad_cam_size(session, nullptr, &rows, &columns) == OFER_BUSY;
      return 0;
    };
    REQUIRE(ofer_session_set_progress(bench.session.get(), call, &inner) == OFER_OK);
    bench.check_works();
    CHECK(inner.busy == 6 * 5);
  }

  TEST_CASE("a session that is ended inside a call goes when the call returns") {
    const ModelHandle model = load_model();
    ofer_session* session = make_session(model.get()).release();
    const ofer_progress_callback call = [](void* user, std::int32_t, std::size_t,
                                           std::size_t) -> std::int32_t {
      ofer_session_free(static_cast<ofer_session*>(user));
      return 0;
    };
    REQUIRE(ofer_session_set_progress(session, call, session) == OFER_OK);
    const Image image = drawn_picture(0);
    const ofer_image given = as_given(image);
    float probabilities[7] = {};
    ofer_results results = OFER_RESULTS_INIT;
    results.probabilities = {probabilities, 7};
    CHECK(ofer_analyse(session, &given, 1, nullptr, &results) == OFER_OK);
    CHECK(probabilities[0] > 0);
  }

  TEST_CASE("a thousand models and sessions leave nothing behind") {
    const Image image = drawn_picture(0);
    const ofer_image given = as_given(image);
    const auto once = [&](bool analyses) {
      const ModelHandle model = load_model();
      const SessionHandle session = make_session(model.get());
      if (!analyses) return;
      float probabilities[7];
      ofer_results results = OFER_RESULTS_INIT;
      results.probabilities = {probabilities, 7};
      REQUIRE(ofer_analyse(session.get(), &given, 1, nullptr, &results) == OFER_OK);
    };
    for (int i = 0; i < 200; ++i) once(i % 10 == 0);
    const std::size_t before = resident_bytes();
    for (int i = 0; i < 1000; ++i) once(i % 10 == 0);
    const std::size_t after = resident_bytes();
    INFO(before, " bytes before, ", after, " after");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK(after < before + (std::size_t{1} << 20));  // a leak of 1 KiB each would show
#endif
  }
}

}  // namespace ofer::test
