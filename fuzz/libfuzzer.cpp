// libFuzzer's entry; OFER_FUZZ_TARGET names the function of targets.h.
#include <cstddef>
#include <cstdint>

#include "fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ofer::fuzz::OFER_FUZZ_TARGET({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
