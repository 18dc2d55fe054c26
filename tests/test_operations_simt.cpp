// Every operation's cases on the SIMT executor: the CUDA kernels' own source, forward and backward,
// against the oracle, with two orders of the threads.
#include <doctest/doctest.h>

#include "tests/cases/all.h"
#include "tests/support/check_backward.h"
#include "tests/support/check_determinism.h"
#include "tests/support/check_forward.h"
#include "tests/support/check_segments.h"
#include "tests/support/simt_backend.h"

namespace ofer::test {
namespace {

constexpr int kThreads = 2;

std::vector<Backend> orders() { return {simt_backend(1), simt_backend(2)}; }

TEST_SUITE("operations_simt") {
  TEST_CASE_TEMPLATE_DEFINE("forward against the oracle", Case, simt_forward) {
    const auto backends = orders();
    for (const Case& test : Case::list()) check_forward(backends, test, kThreads);
  }
  TEST_CASE_TEMPLATE_APPLY(simt_forward, ForwardCases);

  TEST_CASE_TEMPLATE_DEFINE("backward against the oracle", Case, simt_backward) {
    const auto backends = orders();
    const Backend reference = cpu_backends().front();
    for (const Case& test : Case::list()) check_backward(backends, reference, test, kThreads);
  }
  TEST_CASE_TEMPLATE_APPLY(simt_backward, BackwardCases);

  // An image's bits do not depend on the images beside it, nor on the order of threads.
  TEST_CASE_TEMPLATE_DEFINE("images", Case, simt_images) {
    if constexpr (kHasImages<Case>)
      for (const Case& test : image_cases<Case>()) check_images<float>(simt_backend(1), test);
  }
  TEST_CASE_TEMPLATE_APPLY(simt_images, ForwardCases);

  TEST_CASE("segments of different lengths") {
    check_all_segments<float>(simt_backend(1));
  }

  TEST_CASE("the table has every operation") {
    const Backend backend = simt_backend(1);
#define OFER_ROW(operation, Args) \
  CHECK_MESSAGE(bool(backend.f32->operation), "unsupported: " #operation " on ", backend.name);
    OFER_OPERATIONS(OFER_ROW)
#undef OFER_ROW
  }
}

}  // namespace
}  // namespace ofer::test
