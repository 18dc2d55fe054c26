// Our own product of floats, on the executor.
#include <doctest/doctest.h>

#include "kernels/device_error.h"
#include "tests/support/check_ordered_product.h"
#include "tests/support/simt_backend.h"

namespace ofer::test {
namespace {

TEST_SUITE("ordered_product_simt") {
  TEST_CASE("every sum in the order of its terms, whatever the tile and the order of threads") {
    for (const std::uint64_t order : {1, 2})
      check_ordered_product(simt_backend(order), kernels::simt::ordered_product);
  }

  TEST_CASE("no such tile") {
    const auto stream = simt_backend(1).make_stream(1);
    for (const int tile : {-1, kernels::kOrderedTiles})
      CHECK_THROWS_AS(kernels::simt::ordered_product(tile, {}, *stream), kernels::DeviceError);
  }
}

}  // namespace
}  // namespace ofer::test
