// Products of rounded floats (kernels/cpu/matmul_bf16.h), where this machine has them.
#pragma once

#include <cstdio>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/cpu/matmul_bf16.h"
#include "tests/support/backend.h"

namespace ofer::test {

// A suite that needs the instructions shows nothing without them, and says so: ctest counts it as
// skipped.
inline bool skipped_for_no_bf16() {
  const char* missing = kernels::cpu::bf16_missing();
  if (missing == nullptr) return false;
  std::printf("SKIPPED, no bf16 products: %s\n", missing);
  return true;
}

inline double rounded_to_bf16(double value) {
  return static_cast<double>(static_cast<float>(kernels::BFloat16(static_cast<float>(value))));
}

// The CPU's backends with streams that round the operands of products.
inline std::vector<Backend> cpu_bf16_backends() {
  std::vector<Backend> backends = cpu_backends();
  for (Backend& backend : backends) {
    backend.name += " bf16 products";
    backend.f64 = nullptr;
    backend.make_stream = [](int threads) {
      auto stream = std::make_unique<kernels::cpu::CpuStream>(threads);
      stream->set_bf16(true);
      return stream;
    };
  }
  return backends;
}

}  // namespace ofer::test
