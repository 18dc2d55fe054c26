// Training on a GPU.
#include <doctest/doctest.h>

#include "tests/support/cuda_backend.h"
#include "tests/support/device_training.h"

namespace ofer::test {

TEST_SUITE("training_cuda") {
  TEST_CASE("five steps as on the CPU") {
    if (skipped_for_no_gpu()) return;
    check_training(DeviceKind::kCuda);
  }

  TEST_CASE("products in bfloat16, weights in float") {
    if (skipped_for_no_gpu()) return;
    check_mixed_training(DeviceKind::kCuda);
  }
}

}  // namespace ofer::test
