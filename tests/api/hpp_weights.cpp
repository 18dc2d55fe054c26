// Weights for test_api_hpp.cpp, which includes nothing of the library's inside.
#include "tests/support/runnable_config.h"

namespace ofer_test {

std::string weights_for_hpp() {
  return ofer::test::tiny_weights();
}

}  // namespace ofer_test
