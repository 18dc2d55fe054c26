// Every operation's cases on a GPU, forward and backward, against the oracle.
#include <doctest/doctest.h>

#include "tests/cases/all.h"
#include "tests/support/check_backward.h"
#include "tests/support/check_determinism.h"
#include "tests/support/check_forward.h"
#include "tests/support/check_ordered_product.h"
#include "tests/support/check_precision.h"
#include "tests/support/check_segments.h"
#include "tests/support/cuda_backend.h"

namespace ofer::test {
namespace {

TEST_SUITE("operations_cuda") {
#if defined(OFER_HAVE_CUDA)
  TEST_CASE_TEMPLATE_DEFINE("forward against the oracle", Case, cuda_forward) {
    if (skipped_for_no_gpu()) return;
    for (const Case& test : Case::list()) check_forward({cuda_backend()}, test, 1);
  }
  TEST_CASE_TEMPLATE_APPLY(cuda_forward, ForwardCases);

  TEST_CASE_TEMPLATE_DEFINE("backward against the oracle", Case, cuda_backward) {
    if (skipped_for_no_gpu()) return;
    const Backend reference = cpu_backends().front();
    for (const Case& test : Case::list()) check_backward({cuda_backend()}, reference, test, 1);
  }
  TEST_CASE_TEMPLATE_APPLY(cuda_backward, BackwardCases);

  TEST_CASE_TEMPLATE_DEFINE("images", Case, cuda_images) {
    if (skipped_for_no_gpu()) return;
    if constexpr (kHasImages<Case>)
      for (const Case& test : image_cases<Case>()) {
        check_images<float>(cuda_backend(), test);
        check_images<float>(cuda_backend(true), test);
        check_images<float>(cuda_backend(true, true), test);
        check_images<kernels::BFloat16>(cuda_backend(), test);
      }
  }
  TEST_CASE_TEMPLATE_APPLY(cuda_images, ForwardCases);

  TEST_CASE_TEMPLATE_DEFINE("tf32 and bf16", Case, cuda_coarse) {
    if (skipped_for_no_gpu()) return;
    for (const Case& test : Case::list()) {
      check_coarse<float>(cuda_backend(true), test, kTf32);
      check_coarse<kernels::BFloat16>(cuda_backend(), test, kBf16);
    }
  }
  TEST_CASE_TEMPLATE_APPLY(cuda_coarse, ForwardCases);

  TEST_CASE_TEMPLATE_DEFINE("tf32 and bf16, backward", Case, cuda_coarse_backward) {
    if (skipped_for_no_gpu()) return;
    const Backend reference = cpu_backends().front();
    for (const Case& test : Case::list()) {
      check_coarse_backward<float>(cuda_backend(true), reference, test, kTf32);
      check_coarse_backward<kernels::BFloat16>(cuda_backend(), reference, test, kBf16);
    }
  }
  TEST_CASE_TEMPLATE_APPLY(cuda_coarse_backward, BackwardCases);

  TEST_CASE("segments of different lengths") {
    if (skipped_for_no_gpu()) return;
    check_all_segments<float>(cuda_backend());
  }

  TEST_CASE("the ordered product") {
    if (skipped_for_no_gpu()) return;
    if (cuda_backend().make_stream(1)->compute_capability() < 80) return;
    check_ordered_product(cuda_backend(), kernels::cuda::ordered_product);
  }

  TEST_CASE("the table has every operation") {
    if (skipped_for_no_gpu()) return;
    const Backend backend = cuda_backend();
#define OFER_ROW(operation, Args) \
  CHECK_MESSAGE(bool(backend.f32->operation), "unsupported: " #operation " on ", backend.name);
    OFER_OPERATIONS(OFER_ROW)
#undef OFER_ROW
  }
#else
  TEST_CASE("forward and backward against the oracle") {
    CHECK(skipped_for_no_gpu());
  }
#endif
}

}  // namespace
}  // namespace ofer::test
