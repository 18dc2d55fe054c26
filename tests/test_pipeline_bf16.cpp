// The whole pipeline on a CPU whose products round their operands to bfloat16.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/bf16_products.h"
#include "tests/support/device_pipeline.h"

namespace ofer::test {
namespace {

TEST_SUITE("pipeline_bf16") {
  TEST_CASE("small: close to fp32, the same bits for an image alone, with any threads, again") {
    if (skipped_for_no_bf16()) return;
    const TemporaryFolder folder;
    const std::string weights = (folder / "small.safetensors").string();
    const Config config = builtin_config("small");
    write_initial_weights(config, 7, weights);
    check_coarse_device(DeviceKind::kCpu, Precision::kBf16, 1e-2, weights, config.patch_count());

    const std::vector<Image> images = smooth_pictures(2);
    const std::vector<std::uint8_t> mask = scattered_mask(2, config.patch_count());
    Request request = everything();
    request.mask = MaskSource::kGiven;
    Pipeline pipeline = pipeline_on(weights, DeviceKind::kCpu, Precision::kBf16);
    const auto first = pipeline.run(images, request, mask);
    CHECK(pipeline.session().dtype() == DType::kF32);
    for (const int threads : {1, 3}) {
      SessionOptions options;
      options.precision = Precision::kBf16;
      options.threads = threads;
      Pipeline other(Network::load(weights, Precision::kBf16), options);
      const auto got = other.run(images, request, mask);
      for (std::size_t i = 0; i < images.size(); ++i) CHECK(same_bits(first[i], got[i]));
    }
  }

  TEST_CASE("after the first pass the workspace does not grow") {
    if (skipped_for_no_bf16()) return;
    Pipeline pipeline = pipeline_on(tiny_weights(), DeviceKind::kCpu, Precision::kBf16);
    const std::vector<Image> images = smooth_pictures(2);
    const auto first = pipeline.run(images, everything());
    for (int i = 0; i < 3; ++i) {
      const auto again = pipeline.run(images, everything());
      for (std::size_t n = 0; n < images.size(); ++n) CHECK(same_bits(first[n], again[n]));
    }
    CHECK(pipeline.session().workspace().growths() == 0);
  }

  TEST_CASE("the command") {
    if (skipped_for_no_bf16()) return;
    const Ran ran = run_tiny({"--json", "--precision", "bf16", sample("portrait.png")});
    CHECK(ran.code == 0);
    CHECK(ran.json().size() == 1);
  }
}

}  // namespace
}  // namespace ofer::test
