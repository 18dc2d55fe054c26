// The variants of bench/variants/ on the SIMT executor, with two orders of the threads.
#include "tests/test_variants.h"

#include "kernels/device_error.h"
#include "tests/support/simt_backend.h"

namespace ofer::test {
namespace {

constexpr int kThreads = 2;

TEST_SUITE("variants") {
  TEST_CASE_TEMPLATE_DEFINE("against the oracle", Case, simt_variants) {
    for (const std::uint64_t order : {1, 2})
      check_variants<Case>("simt", simt_backend(order), kThreads);
  }
  TEST_CASE_TEMPLATE_APPLY(simt_variants, VariedCases);

  TEST_CASE_TEMPLATE_DEFINE("images", Case, simt_variant_images) {
    check_variant_images<Case>("simt", simt_backend(1));
  }
  TEST_CASE_TEMPLATE_APPLY(simt_variant_images, VariedCases);

  TEST_CASE("numbered from 1, without a gap") {
    const auto check = [](const auto& list) {
      int number = 0;
      for (const auto& variant : list) CHECK(variant.number == ++number);
    };
    const bench::Variants& all = bench::variants("simt");
    check(all.layer_norm);
    check(all.attention);
    check(all.conv2d);
    check(all.self_assembly_paper);
  }

  // The two that keep something in shared memory that grows with the input.
  TEST_CASE("what does not fit shared memory is refused") {
    const Backend backend = simt_backend(1);
    const auto stream = backend.make_stream(1);
    const bench::Variants& all = bench::variants("simt");
    Buffers<float> tokens(1, *backend.memory), channels(1, *backend.memory);
    const AttentionCase many_tokens{.offsets = {0, 12100}};
    CHECK_THROWS_AS(all.attention[1].run(many_tokens.bind(tokens), *stream), kernels::DeviceError);
    const SelfAssemblyPaperCase many_channels{.input = {.channels = 6100}};
    CHECK_THROWS_AS(all.self_assembly_paper[2].run(many_channels.bind(channels), *stream),
                    kernels::DeviceError);
  }

  TEST_CASE("a device that is not there has none") {
    CHECK(bench::variants("cpu").layer_norm.empty());
  }
}

}  // namespace
}  // namespace ofer::test
