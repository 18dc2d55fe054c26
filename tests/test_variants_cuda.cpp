// The variants of bench/variants/ on a GPU.
#include "tests/test_variants.h"

#include "tests/support/cuda_backend.h"

namespace ofer::test {
namespace {

TEST_SUITE("variants_cuda") {
#if defined(OFER_HAVE_CUDA)
  TEST_CASE_TEMPLATE_DEFINE("against the oracle", Case, cuda_variants) {
    if (skipped_for_no_gpu()) return;
    check_variants<Case>("cuda", cuda_backend(), 1);
  }
  TEST_CASE_TEMPLATE_APPLY(cuda_variants, VariedCases);

  TEST_CASE_TEMPLATE_DEFINE("images", Case, cuda_variant_images) {
    if (skipped_for_no_gpu()) return;
    check_variant_images<Case>("cuda", cuda_backend());
  }
  TEST_CASE_TEMPLATE_APPLY(cuda_variant_images, VariedCases);
#else
  TEST_CASE("against the oracle") {
    CHECK(skipped_for_no_gpu());
  }
#endif
}

}  // namespace
}  // namespace ofer::test
