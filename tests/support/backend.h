// A backend under test: the operation tests know nothing else of it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/cpu/select.h"
#include "kernels/cpu/threads.h"
#include "kernels/table.h"
#include "tests/support/memory.h"

namespace ofer::test {

using kernels::Index;

struct Backend {
  std::string name;
  const kernels::Table<float>* f32 = nullptr;  // null: the backend has no such elements
  const kernels::Table<double>* f64 = nullptr;
  const kernels::Table<kernels::BFloat16>* bf16 = nullptr;
  std::function<std::unique_ptr<kernels::Stream>(int threads)> make_stream;
  // Waits for a stream's work; empty where calls return when they are done.
  std::function<void(kernels::Stream&)> synchronise;
  // Fills the memory that kernels work in with NaNs; called before every run. May be empty.
  std::function<void(kernels::Stream&)> dirty_scratch;
  Memory* memory = &host_memory();

  template <class T>
  const kernels::Table<T>* table() const {
    if constexpr (std::is_same_v<T, float>) return f32;
    if constexpr (std::is_same_v<T, double>) return f64;
    if constexpr (std::is_same_v<T, kernels::BFloat16>) return bf16;
  }
};

// NaNs in every scratch slot of a CPU stream: a kernel that reads what it did not write there
// shows. Not under AddressSanitizer, whose view of the slots' ends would be hidden by growing them.
inline void dirty_cpu_scratch([[maybe_unused]] kernels::Stream& stream) {
#if !defined(__SANITIZE_ADDRESS__)
  constexpr Index kBytes = 1 << 16;
  auto& cpu = kernels::cpu::cpu_stream(stream);
  for (int slot = 0; slot < kernels::cpu::CpuStream::kSlots; ++slot) {
    for (int worker = 0; worker < cpu.threads(); ++worker)
      fill_unwritten(cpu.scratch<char>(worker, slot, kBytes), kBytes);
    fill_unwritten(cpu.shared_scratch<char>(slot, kBytes), kBytes);
  }
#endif
}

// Every instruction set of the CPU backend that this build and this machine have.
inline std::vector<Backend> cpu_backends() {
  std::vector<Backend> backends;
  for (const char* variant : {"baseline", "avx2"}) {
    if (!kernels::cpu::table_f32(variant)) continue;
    Backend backend;
    backend.name = std::string("cpu ") + variant;
    backend.f32 = kernels::cpu::table_f32(variant);
    backend.f64 = kernels::cpu::table_f64(variant);
    backend.make_stream = [](int threads) {
      return std::make_unique<kernels::cpu::CpuStream>(threads);
    };
    backend.dirty_scratch = dirty_cpu_scratch;
    backends.push_back(std::move(backend));
  }
  return backends;
}

}  // namespace ofer::test
