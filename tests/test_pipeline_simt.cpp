// The whole pipeline through the CUDA kernels' source, on the executor.
#include <doctest/doctest.h>

#include "kernels/simt/executor.h"
#include "kernels/simt/memory.h"
#include "tests/support/device_pipeline.h"

namespace ofer::test {
namespace {

TEST_SUITE("pipeline_simt") {
  TEST_CASE("the CPU's results, whatever the configuration and the mask") {
    check_device(DeviceKind::kSimt);
  }

  TEST_CASE("tf32 and bf16") {
    check_coarse_device(DeviceKind::kSimt, Precision::kTf32, 5e-3);
    check_coarse_device(DeviceKind::kSimt, Precision::kBf16, 5e-2);
    check_coarse_device(DeviceKind::kSimt, Precision::kMixed, 1e-2);
  }

  TEST_CASE("latents that are chosen, all, or none: the CPU's results, played again or not") {
    Config config = runnable_config();
    config.recogniser.latent_selection = LatentSelection::kCam;
    config.recogniser.latent_patches.clear();
    const TemporaryFolder folder;
    const std::string weights = (folder / "w.safetensors").string();
    write_initial_weights(config, 5, weights);
    Pipeline cpu = pipeline_on(weights, DeviceKind::kCpu);
    Pipeline device = pipeline_on(weights, DeviceKind::kSimt);
    const std::vector<Image> images = smooth_pictures(2);
    Request request = everything();
    request.mask = MaskSource::kNone;
    for (int round = 0; round < 2; ++round)
      for (const LatentUse use : {LatentUse::kNone, LatentUse::kChosen, LatentUse::kAll}) {
        INFO("round ", round, ", latents ", static_cast<int>(use));
        request.latent_use = use;
        check_close(cpu.run(images, request), device.run(images, request));
      }
  }

  TEST_CASE("after the first pass no device memory is taken") {
    Pipeline pipeline = pipeline_on(tiny_weights(), DeviceKind::kSimt);
    const std::vector<Image> images = smooth_pictures(2);
    const Request request = everything();
    pipeline.run(images, request);
    const std::size_t before = kernels::simt::allocated_bytes();
    for (int i = 0; i < 3; ++i) pipeline.run(images, request);
    CHECK(kernels::simt::allocated_bytes() == before);
    CHECK(pipeline.session().workspace().growths() == 0);
  }

  TEST_CASE("the host waits once inside a batch, for the mask, and once for the results") {
    Pipeline pipeline = pipeline_on(tiny_weights(), DeviceKind::kSimt);
    const auto& stream = static_cast<kernels::simt::SimtStream&>(pipeline.session().stream());
    const std::vector<Image> images = smooth_pictures(2);
    Request request = everything();
    for (const MaskSource source : {MaskSource::kDetect, MaskSource::kNone}) {
      request.mask = source;
      for (int i = 0; i < 4; ++i) {  // the first pass may also grow its memory
        const std::size_t before = stream.waits();
        pipeline.run(images, request);
        if (i > 0) CHECK(stream.waits() - before == (source == MaskSource::kDetect ? 2 : 1));
      }
    }
  }

  TEST_CASE(
      "out of device memory at every allocation in turn: an error, no leak, and it works again") {
    const std::vector<Image> images = smooth_pictures(1);
    const std::size_t before = kernels::simt::allocated_bytes();
    int failures = 0;
    for (int number = 1;; ++number) {
      REQUIRE(number < 1000);
      kernels::simt::fail_allocation(number);
      bool finished = false;
      try {
        Pipeline pipeline = pipeline_on(tiny_weights(), DeviceKind::kSimt);
        pipeline.run(images, everything());
        finished = true;
      } catch (const Error& error) {
        CHECK_MESSAGE(error.code() == ErrorCode::kOutOfMemory, error.what());
        ++failures;
      }
      kernels::simt::fail_allocation(0);
      CHECK(kernels::simt::allocated_bytes() == before);
      if (finished) break;
    }
    CHECK(failures > 3);
    Pipeline pipeline = pipeline_on(tiny_weights(), DeviceKind::kSimt);
    CHECK(pipeline.run(images, everything()).size() == 1);
  }

  TEST_CASE("a session that ran out of memory can be used again") {
    Pipeline pipeline = pipeline_on(tiny_weights(), DeviceKind::kSimt);
    const std::vector<Image> images = smooth_pictures(3);
    kernels::simt::fail_allocation(2);
    CHECK_THROWS_AS(pipeline.run(images, everything()), Error);
    kernels::simt::fail_allocation(0);
    CHECK(pipeline.run(images, everything()).size() == 3);
  }

  TEST_CASE("a network on one device and a session on another are refused") {
    const auto network = Network::load(tiny_weights(), Precision::kF32, {}, {DeviceKind::kSimt, 0});
    CHECK_THROWS_AS(Pipeline(network, {}), Error);
    SessionOptions wide;
    wide.device.kind = DeviceKind::kSimt;
    wide.precision = Precision::kF64;
    CHECK_THROWS_AS(Session{wide}, Error);
  }

  TEST_CASE("the command runs on it and says so") {
    const Ran ran = run_tiny({"--json", "--device", "simt", sample("portrait.png")});
    CHECK(ran.code == 0);
    CHECK(ran.json().at(0)["device"] == "simt");
  }
}

}  // namespace
}  // namespace ofer::test
