// Observed operations: the same bits, and everything that runs is seen.
#include "bench/measure/observed_table.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "engine/ops.h"
#include "engine/replays.h"
#include "tests/support/device_pipeline.h"

namespace ofer::test {
namespace {

class Counter final : public bench::Observer {
 public:
  struct Total {
    int calls = 0;
    bench::Work work;
  };

  void before(const char* operation, bench::Work work) override {
    CHECK(open_.empty());
    open_ = operation;
    Total& total = totals[operation];
    ++total.calls;
    total.work.flops += work.flops;
    total.work.bytes += work.bytes;
  }
  void after(const char* operation, kernels::Stream&) override {
    CHECK(open_ == operation);
    open_.clear();
  }

  std::map<std::string, Total> totals;

 private:
  std::string open_;
};

void check_pipeline(Precision precision) {
  const std::vector<Image> images = smooth_pictures(2);
  const std::vector<std::uint8_t> mask = scattered_mask(2, runnable_config().patch_count());
  Request request = everything();
  request.mask = MaskSource::kGiven;
  Pipeline pipeline = pipeline_on(tiny_weights(), DeviceKind::kCpu, precision);
  const std::vector<Result> expected = pipeline.run(images, request, mask);
  const auto check_same = [&] {
    const std::vector<Result> got = pipeline.run(images, request, mask);
    for (std::size_t i = 0; i < images.size(); ++i) CHECK(same_bits(got[i], expected[i]));
  };
  Counter counter, other;
  {
    const bench::ObservedTables observed(pipeline.session(), counter);
    check_same();
  }
  for (const char* operation : {"linear", "attention", "layer_norm", "conv2d", "conv_transpose2d",
                                "instance_norm", "self_assembly_paper", "conv2d_backward"}) {
    INFO(operation);
    CHECK(counter.totals[operation].calls > 0);
    CHECK(counter.totals[operation].work.flops > 0);
    CHECK(counter.totals[operation].work.bytes > 0);
  }
  const int before = counter.totals["linear"].calls;
  check_same();
  CHECK(counter.totals["linear"].calls == before);  // who has gone sees nothing
  {
    const bench::ObservedTables observed(pipeline.session(), other);
    check_same();
  }
  CHECK(counter.totals["linear"].calls == before);
  CHECK(other.totals["linear"].calls == before);
  CHECK(other.totals["linear"].work.flops == counter.totals["linear"].work.flops);
}

}  // namespace

TEST_SUITE("observed_table") {
  TEST_CASE("an observed pipeline gives the same bits") {
    check_pipeline(Precision::kF32);
    check_pipeline(Precision::kF64);
  }

  TEST_CASE("what an observer throws breaks the pass off and harms nothing") {
    struct Thrower final : bench::Observer {
      void before(const char* operation, bench::Work) override {
        if (std::string(operation) == "attention") throw std::runtime_error("seen enough");
      }
      void after(const char*, kernels::Stream&) override {}
    } thrower;
    Pipeline pipeline = pipeline_on(tiny_weights(), DeviceKind::kCpu);
    const std::vector<Image> images = smooth_pictures(1);
    const std::vector<Result> expected = pipeline.run(images, everything());
    {
      const bench::ObservedTables observed(pipeline.session(), thrower);
      CHECK_THROWS_AS(pipeline.run(images, everything()), std::runtime_error);
    }
    CHECK(same_bits(pipeline.run(images, everything())[0], expected[0]));
  }

#if defined(OFER_HAVE_SIMT)
  TEST_CASE("while operations are observed nothing is played again") {
    SessionOptions options;
    options.device.kind = DeviceKind::kSimt;
    options.threads = 2;
    Session session(options);
    Replays replays(session);
    const auto pass = [&] {
      const Workspace::Scope scope(session.workspace());
      const Tensor x = ops::full(session, {100}, 2);
      const std::int64_t key[] = {100};
      Tensor y;
      replays.run(key, {x}, {&y}, [&] { y = ops::add(session, x, x); });
      std::vector<float> values(100);
      session.to_host(y, values.data());
      CHECK(values == std::vector<float>(100, 4));
    };
    session.plan([&] {
      const Workspace::Scope scope(session.workspace());
      const Tensor x = ops::full(session, {100}, 2);
      ops::add(session, x, x);
    });
    for (int i = 0; i < 3; ++i) pass();
    CHECK(replays.played() == 2);
    Counter counter;
    {
      const bench::ObservedTables observed(session, counter);
      for (int i = 0; i < 3; ++i) pass();
    }
    CHECK(counter.totals["binary"].calls == 3);
    CHECK(counter.totals["binary"].work.flops == 300);
    CHECK(counter.totals["binary"].work.bytes == 3 * 300 * sizeof(float));
    CHECK(replays.played() == 2);
    pass();
    CHECK(replays.played() == 3);  // what was noted before is still good
  }

  TEST_CASE("elements of two bytes are counted as such") {
    SessionOptions options;
    options.device.kind = DeviceKind::kSimt;
    options.precision = Precision::kBf16;
    Session session(options);
    REQUIRE(session.dtype() == DType::kBF16);
    const auto pass = [&] {
      const Workspace::Scope scope(session.workspace());
      const Tensor x = ops::full(session, {100}, 2);
      ops::add(session, x, x);
      session.synchronise();
    };
    session.plan(pass);
    Counter counter;
    const bench::ObservedTables observed(session, counter);
    pass();
    CHECK(counter.totals["binary"].work.bytes == 3 * 100 * 2);
    CHECK(counter.totals["fill"].work.bytes == 100 * 2);
  }
#endif
}

}  // namespace ofer::test
