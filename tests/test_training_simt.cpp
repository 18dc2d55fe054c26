// Training by the CUDA kernels, on the executor.
#include <doctest/doctest.h>

#include "tests/support/device_training.h"

namespace ofer::test {

TEST_SUITE("training_simt") {
  TEST_CASE("five steps as on the CPU") {
    check_training(DeviceKind::kSimt);
  }

  TEST_CASE("products in bfloat16, weights in float") {
    check_mixed_training(DeviceKind::kSimt);
  }
}

}  // namespace ofer::test
