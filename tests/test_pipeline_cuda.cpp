// The whole pipeline on a GPU.
#include <doctest/doctest.h>

#include "tests/support/cuda_backend.h"
#include "tests/support/device_pipeline.h"

namespace ofer::test {
namespace {

TEST_SUITE("pipeline_cuda") {
  TEST_CASE("the CPU's results, whatever the configuration and the mask") {
    if (skipped_for_no_gpu()) return;
    check_device(DeviceKind::kCuda);
  }

  TEST_CASE("tf32 and bf16") {
    if (skipped_for_no_gpu()) return;
    check_coarse_device(DeviceKind::kCuda, Precision::kTf32, 5e-3);
    check_coarse_device(DeviceKind::kCuda, Precision::kBf16, 5e-2);
    check_coarse_device(DeviceKind::kCuda, Precision::kMixed, 1e-2);
  }

  TEST_CASE("base: the CPU's logits, mask and chosen patches") {
    if (skipped_for_no_gpu()) return;
    const TemporaryFolder folder;
    const std::string weights = (folder / "base.safetensors").string();
    write_initial_weights(builtin_config("base"), 7, weights);
    const std::vector<Image> images = smooth_pictures(2);
    Pipeline cpu = pipeline_on(weights, DeviceKind::kCpu);
    Pipeline cuda = pipeline_on(weights, DeviceKind::kCuda);
    Request request = everything();
    check_close(cpu.run(images, request), cuda.run(images, request));
    request.mask = MaskSource::kGiven;
    const std::vector<std::uint8_t> mask = scattered_mask(2, 196);
    check_close(cpu.run(images, request, mask), cuda.run(images, request, mask));
    // The logits themselves: of untrained weights they are large, and probabilities hide them.
    const auto logits = [&](Pipeline& pipeline) {
      std::vector<float> result;
      pipeline.session().set_tap([&](std::string_view name, const Tensor& tensor) {
        if (name == "recognise/logits")
          result.assign(tensor.data<float>(), tensor.data<float>() + tensor.elements());
      });
      pipeline.run(images, request, mask);
      return result;
    };
    CHECK(relative_difference(logits(cpu), logits(cuda)) <= 1e-4);
  }

  TEST_CASE("what is played again as a CUDA graph gives what a fresh pipeline gives") {
    if (skipped_for_no_gpu()) return;
    check_replays(DeviceKind::kCuda);
  }

  TEST_CASE("after the first pass the workspace does not grow; two sessions at once") {
    if (skipped_for_no_gpu()) return;
    Pipeline one = pipeline_on(tiny_weights(), DeviceKind::kCuda);
    Pipeline two = pipeline_on(tiny_weights(), DeviceKind::kCuda);
    const std::vector<Image> images = smooth_pictures(2);
    const std::vector<Result> expected = one.run(images, everything());
    for (int i = 0; i < 3; ++i) {
      const std::vector<Result> a = one.run(images, everything());
      const std::vector<Result> b = two.run(images, everything());
      for (std::size_t n = 0; n < images.size(); ++n) {
        CHECK(same_bits(expected[n], a[n]));
        CHECK(same_bits(expected[n], b[n]));
      }
    }
    CHECK(one.session().workspace().growths() == 0);
  }
}

}  // namespace
}  // namespace ofer::test
