// Threads that share a model.
#include <atomic>
#include <thread>

#include "tests/api/api_support.h"

namespace ofer::test {

TEST_SUITE("api_threads") {
  TEST_CASE("eight threads, one model, eight sessions, 500 images: the serial run's bits") {
    constexpr int kImages = 500, kThreads = 8, kTurn = 3;
    const ModelHandle model = load_model();
    const std::vector<Image> images = drawn_pictures(kImages);
    const std::vector<ofer_image> given = as_given(images);
    const SessionHandle serial = make_session(model.get());
    Everything expected(serial.get(), model.get(), kImages);
    const ofer_results quiet = expected.results();
    REQUIRE(ofer_analyse(serial.get(), given.data(), given.size(), nullptr, &quiet) == OFER_OK);

    struct Part {
      std::size_t first, count;
      Everything all;
    };
    std::vector<Part> parts;
    for (std::size_t first = 0; first < kImages; first += kTurn) {
      const std::size_t count = std::min<std::size_t>(kTurn, kImages - first);
      parts.push_back({first, count, {serial.get(), model.get(), count}});
    }
    std::atomic<std::size_t> next{0};
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        const ofer_session_options options = session_options(1 + t % 2, 1 + t % 4);
        ofer_session* made = nullptr;
        if (ofer_session_create(model.get(), &options, &made, nullptr) != OFER_OK) ++failures;
        const SessionHandle session(made);
        for (std::size_t p; (p = next++) < parts.size();) {
          Part& part = parts[p];
          const ofer_results results = part.all.results();
          if (ofer_analyse(session.get(), given.data() + part.first, part.count, nullptr,
                           &results) != OFER_OK)
            ++failures;
          if (!ofer_model_label(model.get(), part.all.labels[0])) ++failures;
          (void)ofer_model_label(model.get(), 99);  // fails, and leaves its text among the others
        }
      });
    for (std::thread& thread : threads) thread.join();
    CHECK(failures == 0);
    const auto same = [&](const auto& all, const auto& part, std::size_t first) {
      const std::size_t each = all.size() / kImages;
      return std::equal(part.begin(), part.end(),
                        all.begin() + static_cast<std::ptrdiff_t>(first * each));
    };
    int different = 0;
    for (const Part& part : parts) {
      const Everything &a = expected, &b = part.all;
      const std::size_t f = part.first;
      if (!(same(a.labels, b.labels, f) && same(a.probabilities, b.probabilities, f) &&
            same(a.distances, b.distances, f) && same(a.masks, b.masks, f) &&
            same(a.chosen, b.chosen, f) && same(a.coarse, b.coarse, f) &&
            same(a.restored, b.restored, f) && same(a.attention, b.attention, f) &&
            same(a.grad_cam, b.grad_cam, f) && same(a.latents, b.latents, f)))
        ++different;
    }
    CHECK(different == 0);
  }

  TEST_CASE("one session, two threads: one of them is told so") {
    const ModelHandle model = load_model();
    const SessionHandle session = make_session(model.get());
    const Image image = drawn_picture(0);
    const ofer_image given = as_given(image);
    std::atomic<int> good{0}, busy{0}, other{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        float probabilities[7];
        ofer_results results = OFER_RESULTS_INIT;
        results.probabilities = {probabilities, 7};
        for (int i = 0; i < 100; ++i) {
          const ofer_status status = ofer_analyse(session.get(), &given, 1, nullptr, &results);
          ++(status == OFER_OK ? good : status == OFER_BUSY ? busy : other);
        }
      });
    for (std::thread& thread : threads) thread.join();
    CHECK(other == 0);
    CHECK(good > 0);
    CHECK(good + busy == 400);
  }

  TEST_CASE("models and sessions come and go on many threads at once") {
    const ModelHandle model = load_model();
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 6; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 30; ++i) {
          ofer_model* own = nullptr;
          if (t % 2 == 0 &&
              ofer_model_load(tiny_weights().c_str(), nullptr, &own, nullptr) != OFER_OK)
            ++failures;
          ofer_session* session = nullptr;
          const ofer_session_options options = session_options(2);
          if (ofer_session_create(own ? own : model.get(), &options, &session, nullptr) != OFER_OK)
            ++failures;
          if (i % 2 == 0) ofer_model_free(own);
          ofer_session_free(session);
          if (i % 2 != 0) ofer_model_free(own);
        }
      });
    for (std::thread& thread : threads) thread.join();
    CHECK(failures == 0);
  }
}

}  // namespace ofer::test
