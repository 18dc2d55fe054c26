// Sections that are played again: on the executor, which captures as a CUDA stream does.
#include <doctest/doctest.h>

#include "engine/ops.h"
#include "engine/replays.h"
#include "engine/staging.h"
#include "tests/support/device_pipeline.h"
#include "tests/support/error_of.h"

namespace ofer::test {
namespace {

SessionOptions simt_options() {
  SessionOptions options;
  options.device.kind = DeviceKind::kSimt;
  options.threads = 2;
  return options;
}

// Doubles numbers in a section, with memory of its own.
struct Doubling {
  explicit Doubling(const SessionOptions& options) : session(options), replays(session) {
    session.plan([&] { run({1, 2, 3}); });
  }
  std::vector<float> run(std::vector<float> values, std::int64_t key = 0) {
    const Workspace::Scope scope(session.workspace());
    const auto count = static_cast<std::int64_t>(values.size());
    const Tensor x = session.allocate({count});
    session.to_device(x, values.data());
    Tensor y;
    const std::int64_t numbers[] = {count, key};
    replays.run(numbers, {x}, {&y}, [&] {
      ++sections;
      y = ops::add(session, x, x);
    });
    // What comes after a section does not lie where the section's results do.
    ops::full(session, {count}, -1);
    std::vector<float> result(values.size());
    session.to_host(y, result.data());
    return result;
  }
  Session session;
  Replays replays;
  int sections = 0;
};

using Values = std::vector<float>;

TEST_SUITE("replays") {
  TEST_CASE("run, noted, played: the same results from other numbers") {
    Doubling d(simt_options());
    d.sections = 0;
    for (int i = 1; i <= 5; ++i) {
      const auto v = static_cast<float>(i);
      CHECK(d.run({v, 2 * v, 3 * v}) == Values{2 * v, 4 * v, 6 * v});
    }
    CHECK(d.sections == 2);
    CHECK(d.replays.played() == 4);
    CHECK(d.replays.kept() == 1);
    // Another key is another section; fewer numbers are another shape.
    CHECK(d.run({1, 2, 3}, 7) == Values{2, 4, 6});
    CHECK(d.run({5}) == Values{10});
    CHECK(d.sections == 4);
    CHECK(d.run({4, 5, 6}) == Values{8, 10, 12});
    CHECK(d.sections == 4);
  }

  TEST_CASE("a device that cannot capture runs every section") {
    Doubling d{SessionOptions{}};
    d.sections = 0;
    for (int i = 0; i < 3; ++i) CHECK(d.run({1, 2}) == Values{2, 4});
    CHECK(d.sections == 3);
    CHECK(d.replays.played() == 0);
  }

  TEST_CASE("who watches taps sees every pass") {
    Doubling d(simt_options());
    d.session.set_tap([](std::string_view, const Tensor&) {});
    d.sections = 0;
    for (int i = 0; i < 3; ++i) d.run({1, 2});
    CHECK(d.sections == 3);
  }

  TEST_CASE("when memory moves, what was noted is forgotten") {
    Doubling d(simt_options());
    for (int i = 0; i < 3; ++i) d.run({1, 2, 3});
    CHECK(d.replays.kept() == 1);
    d.session.plan([&] { d.run(Values(5000, 1)); });
    CHECK(d.run(Values(5000, 1)) == Values(5000, 2));
    CHECK(d.replays.kept() == 0);
    for (int i = 0; i < 3; ++i) CHECK(d.run({1, 2, 3}) == Values{2, 4, 6});
    CHECK(d.replays.kept() == 1);
  }

  TEST_CASE("of many keys the latest are kept") {
    Doubling d(simt_options());
    for (std::int64_t key = 0; key < 100; ++key)
      for (int i = 0; i < 2; ++i) d.run({1, 2, 3}, key);
    CHECK(d.replays.kept() == Replays::kMostKept);
    d.sections = 0;
    d.run({1, 2, 3}, 99);
    CHECK(d.sections == 0);
    d.run({1, 2, 3}, 0);
    CHECK(d.sections == 1);
  }

  TEST_CASE("a section that throws leaves nothing behind") {
    Doubling d(simt_options());
    for (const std::int64_t key : {1, 2}) {
      if (key == 2) d.run({1, 2, 3}, key);  // seen, so that the next run is noted
      {
        const Workspace::Scope scope(d.session.workspace());
        const Tensor x = d.session.allocate({3});
        const std::int64_t numbers[] = {3, key};
        CHECK_THROWS_AS(d.replays.run(numbers, {x}, {},
                                      [&] {
                                        ops::add(d.session, x, x);
                                        fail(ErrorCode::kCancelled, "enough");
                                      }),
                        Error);
      }
      CHECK(!d.session.capturing());
      for (int i = 0; i < 3; ++i) CHECK(d.run({1, 2, 3}, key) == Values{2, 4, 6});
    }
  }

  TEST_CASE("waiting or copying inside a section that is noted is an error, not a wrong result") {
    Doubling d(simt_options());
    const Workspace::Scope scope(d.session.workspace());
    const Tensor x = d.session.allocate({3});
    const std::int64_t numbers[] = {3, 2};
    Values host(3);
    const auto copying = [&] { d.session.to_host(x, host.data()); };
    d.replays.run(numbers, {x}, {}, copying);
    CHECK_THROWS(d.replays.run(numbers, {x}, {}, copying));
    CHECK(d.run({1, 2, 3}) == Values{2, 4, 6});
  }

  TEST_CASE("cancelled between sections") {
    Doubling d(simt_options());
    for (int i = 0; i < 3; ++i) d.run({1, 2, 3});
    d.session.cancel();
    CHECK_THROWS_AS(d.run({1, 2, 3}), Error);
    CHECK(d.run({1, 2, 3}) == Values{2, 4, 6});
  }

  TEST_CASE("the pipeline") {
    check_replays(DeviceKind::kSimt);
  }
}

}  // namespace
}  // namespace ofer::test
