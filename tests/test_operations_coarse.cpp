// tf32 and bfloat16 on the executor: every case, forward against the double oracle, backward
// against the double gradient.
#include <doctest/doctest.h>

#include "tests/cases/all.h"
#include "tests/support/check_precision.h"
#include "tests/support/check_segments.h"
#include "tests/support/simt_backend.h"

namespace ofer::test {
namespace {

// Operations that round their operands where the stream allows tf32.
using Products =
    std::tuple<LinearCase, LinearByPositionCase, Conv2dCase, ConvTranspose2dCase, AttentionCase>;
using ProductGradients =
    std::tuple<LinearBackwardCase, LinearByPositionBackwardCase, Conv2dBackwardCase,
               ConvTranspose2dBackwardCase, AttentionBackwardCase>;

TEST_SUITE("operations_coarse") {
  TEST_CASE_TEMPLATE_DEFINE("tf32", Case, coarse_tf32) {
    for (const Case& test : Case::list()) check_coarse<float>(simt_backend(1, true), test, kTf32);
  }
  TEST_CASE_TEMPLATE_APPLY(coarse_tf32, Products);

  TEST_CASE_TEMPLATE_DEFINE("bf16", Case, coarse_bf16) {
    for (const Case& test : Case::list())
      check_coarse<kernels::BFloat16>(simt_backend(1), test, kBf16);
  }
  TEST_CASE_TEMPLATE_APPLY(coarse_bf16, ForwardCases);

  TEST_CASE_TEMPLATE_DEFINE("tf32, backward", Case, coarse_tf32_backward) {
    for (const Case& test : Case::list())
      check_coarse_backward<float>(simt_backend(1, true), cpu_backends().front(), test, kTf32);
  }
  TEST_CASE_TEMPLATE_APPLY(coarse_tf32_backward, ProductGradients);

  TEST_CASE_TEMPLATE_DEFINE("bf16, backward", Case, coarse_bf16_backward) {
    for (const Case& test : Case::list())
      check_coarse_backward<kernels::BFloat16>(simt_backend(1), cpu_backends().front(), test,
                                               kBf16);
  }
  TEST_CASE_TEMPLATE_APPLY(coarse_bf16_backward, BackwardCases);

  TEST_CASE("segments of different lengths") {
    check_all_segments<float>(simt_backend(1, true));
    check_all_segments<kernels::BFloat16>(simt_backend(1));
  }

  TEST_CASE_TEMPLATE("tf32 is another arithmetic than fp32, and only where it was asked for", Case,
                     Conv2dCase, AttentionCase) {
    const Case test = Case::list()[3];
    const auto result = [&](bool tf32) {
      const Backend backend = simt_backend(1, tf32);
      Buffers<float> buffers(test.seed, *backend.memory);
      const auto stream = backend.make_stream(1);
      run_case<float>(backend, test, buffers, *stream);
      return buffers.read(*buffers.find("y"));
    };
    CHECK(result(false) != result(true));
    CHECK(result(false) == result(false));
  }
}

}  // namespace
}  // namespace ofer::test
