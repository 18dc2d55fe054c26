// How a kernel is timed on a GPU, with the executor in its place: its streams capture as CUDA's do.
#include <doctest/doctest.h>

#include <string>

#include "bench/measure/kernel_timer.h"
#include "tests/support/simt_backend.h"

namespace ofer::test {
namespace {

using namespace bench;

constexpr RoundRule kRule{.least_rounds = 2, .seconds = 0.01, .noise = 0};
constexpr Index kFlushed = 1 << 12;

KernelTarget gpu() {
  KernelTarget target{"cuda", "fp32", simt_backend(1), 2};
  target.backend.dirty_scratch = nullptr;
  return target;
}

// Stands for a kernel whose launcher does what `run` does.
template <class Run>
class Drawn final : public BoundCase {
 public:
  explicit Drawn(Run run) : run_(std::move(run)) {}
  void run(kernels::Stream& stream) override { run_(stream); }
  double compulsory_bytes() const override { return 0; }
  std::string difference(kernels::Stream&) override { return ""; }
  void save(const std::filesystem::path&) override {}

 private:
  Run run_;
};

TEST_SUITE("kernel_timer_simt") {
  TEST_CASE("warm, cold, and one launch of a graph") {
    const KernelTarget target = gpu();
    KernelTimer timer(target, kRule, kFlushed);
    for (const KernelCase& test : kernel_cases("simt", false)) {
      if (test.operation != "layer_norm" || test.backward || test.pipeline) continue;
      const auto bound = test.bind(target);
      CHECK(bound->difference(timer.stream()) == "");
      KernelTimes times;
      for (int round = 0; round < 2; ++round) timer.visit(*bound, times);
      for (const Rounds* rounds : {&times.warm, &times.cold, &times.kernel}) {
        const Timing timing = rounds->timing(kRule);
        CHECK(timing.rounds == 2);
        CHECK(timing.samples >= 2);
        CHECK(timing.median_ms > 0);
      }
      return;
    }
    FAIL("no case of layer_norm");
  }

  TEST_CASE("a graph has twenty launches, and a cold call an overwritten cache in front of it") {
    const KernelTarget target = gpu();
    KernelTimer timer(target, kRule, kFlushed);
    int calls = 0, captured = 0;
    Drawn bound([&](kernels::Stream& stream) {
      ++calls;
      captured += !stream.captures();
    });
    KernelTimes times;
    timer.visit(bound, times);
    CHECK(captured == 20);
    // Two to warm up, each sample one, each graph twenty that are noted once.
    const auto samples = [](const Rounds& rounds) {
      const Timing timing = rounds.timing(kRule);
      return static_cast<int>(timing.samples + timing.thrown_out);
    };
    CHECK(calls == 2 + samples(times.warm) + samples(times.cold) + 20);
  }

  TEST_CASE("what waits for the device has no time of a graph, and spoils nothing") {
    const KernelTarget target = gpu();
    KernelTimer timer(target, kRule, kFlushed);
    Drawn waits([](kernels::Stream& stream) { stream.synchronise(); });
    KernelTimes times;
    timer.visit(waits, times);
    CHECK(times.kernel.empty());
    CHECK_FALSE(times.warm.empty());
    CHECK_FALSE(times.cold.empty());
    Drawn nothing([](kernels::Stream&) {});
    KernelTimes later;
    timer.visit(nothing, later);
    CHECK_FALSE(later.kernel.empty());
  }

  TEST_CASE("without the driver's library a GPU's state says so") {
    const auto conditions = gpu_conditions(0);
    CHECK_FALSE(conditions->disturbed());
    const auto state = conditions->state();
    CHECK((state.contains("clocks") || state.contains("sm_clock_mhz")));
  }
}

}  // namespace
}  // namespace ofer::test
